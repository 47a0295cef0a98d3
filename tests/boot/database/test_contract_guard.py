"""Which connected images forbid a migration."""

import pytest

from boot.database.compatibility import Row, Standing
from boot.database.contract_guard import FORCE, GUARD, check
from boot.database.revisions import Revision, Revisions
from boot.database.schema_error import SchemaError

AT_A = Standing(frozenset("a"), {"a": Row(frozenset("a"))})
CONTRACT = Revisions({"a": Revision(), "b": Revision(frozenset("a"), "b")})
EXPAND = Revisions({"a": Revision(), "b": Revision(frozenset("a"), "a")})


def test_an_older_image_forbids_a_contraction_and_is_named() -> None:
    names = ["edgepaas/blue/a/f00", "edgepaas/blue/a/f00", "psql"]
    with pytest.raises(SchemaError, match=r"slot blue at a \(build f00\)$") as caught:
        check(names, AT_A, CONTRACT, GUARD)
    assert caught.value.status == 75
    assert "EDGEPAAS_MIGRATION_CONTRACT=force" in caught.value.advice


def test_an_expansion_is_no_one_s_matter() -> None:
    check(["edgepaas/blue/a/f00"], AT_A, EXPAND, GUARD)


@pytest.mark.parametrize(
    "name",
    [
        "edgepaas/green/b/f11",  # this image, waiting
        "edgepaas/green/z/f22",  # a newer one: it will not serve what we leave
        "edgepaas-migration/blue/a/f00",  # it waits for the lock, and looks again under it
        "psql",
        "",
    ],
)
def test_others_do_not_forbid_it(name: str) -> None:
    check([name], AT_A, CONTRACT, GUARD)


def test_one_that_does_not_say_its_revision_is_at_the_database_s() -> None:
    with pytest.raises(SchemaError, match="at a "):
        check(["edgepaas/blue/-/f00"], AT_A, CONTRACT, GUARD)
    check(["edgepaas/blue/-/f00"], Standing(frozenset(), {}), CONTRACT, GUARD)


def test_force_migrates_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    check(["edgepaas/blue/a/f00"], AT_A, CONTRACT, FORCE)
    assert "blue" in caplog.text
    assert [record.levelname for record in caplog.records] == ["WARNING"]
