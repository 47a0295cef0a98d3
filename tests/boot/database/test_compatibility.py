"""Who may run on a schema, from what migrations declare and what the database keeps."""

from pathlib import Path

import pytest

from boot.database.compatibility import (
    Ledger,
    Row,
    Standing,
    declared_readers,
    is_served,
    planned,
    read,
    readers_after,
    told,
    warn_of_edited,
)
from boot.database.revisions import Revision, Revisions
from boot.database.schema_error import SchemaError


def chain(*min_readers: str) -> Revisions:
    """Return revisions a, b, c, … in a row, each with its min_reader."""
    names = "abcdef"[: len(min_readers)]
    return Revisions(
        {
            name: Revision(frozenset(names[:index][-1:]), min_reader)
            for index, (name, min_reader) in enumerate(zip(names, min_readers, strict=True))
        }
    )


def kept(**readers: str) -> dict[str, Row]:
    return {revision: Row(frozenset(names)) for revision, names in readers.items()}


@pytest.mark.parametrize(
    ("min_readers", "head_admits"),
    [
        (("a", "a", "a"), "abc"),
        (("a", "a", "b"), "bc"),
        (("a", "b", "a"), "bc"),  # b was a contraction: that c declares a brings a no table back
        (("a", "a", ""), "c"),
        (("", "", ""), "c"),
        (("", "a", "a"), "abc"),
    ],
)
def test_the_head_admits_what_each_step_on_the_way_admits(
    min_readers: tuple[str, ...], head_admits: str
) -> None:
    rows = planned(Standing(frozenset(), {}), chain(*min_readers))
    assert rows["c"].readers == frozenset(head_admits)


def test_what_the_database_kept_counts_and_not_what_the_file_says_now() -> None:
    rows = planned(Standing(frozenset("b"), kept(b="b")), chain("a", "a", "a"))
    assert rows["c"].readers == {"b", "c"}


def test_a_parent_without_a_row_admits_only_itself() -> None:
    rows = planned(Standing(frozenset("b"), {}), chain("a", "a", "a"))
    assert rows["c"].readers == {"b", "c"}


def test_a_merge_admits_who_both_its_branches_admit() -> None:
    own = Revisions(
        {
            "a": Revision(),
            "b": Revision(frozenset("a"), "a"),
            "c": Revision(frozenset("a"), "a"),
            "d": Revision(frozenset("bc"), "a"),
        }
    )
    assert planned(Standing(frozenset(), {}), own)["d"].readers == {"a", "d"}


def test_a_min_reader_that_is_not_below_is_an_error() -> None:
    with pytest.raises(SchemaError, match="min_reader = 'c'"):
        declared_readers("b", chain("a", "c", "a"))


def test_a_min_reader_may_lie_between_two_branches() -> None:
    own = Revisions({"a": Revision(), "b": Revision(frozenset("a")), "c": Revision(frozenset("b"))})
    assert declared_readers("c", own) == {"c"}


@pytest.mark.parametrize("text", ["", "no json", "{}", "3", '{"a": 1}'])
def test_a_row_that_somebody_spoilt_admits_nobody(text: str) -> None:
    assert read([("z", text, "1.0", "")])["z"].readers == frozenset()


def test_an_older_image_that_is_admitted_serves_and_says_so() -> None:
    found = Standing(frozenset("z"), {"z": Row(frozenset("bz"), "2.0 (build f00)")})
    assert is_served(found, chain("", ""))
    line = told(found, chain("", ""))
    assert "at z" in line
    assert "2.0 (build f00)" in line
    assert "at b" in line


def test_one_that_is_not_is_told_which_image_to_start() -> None:
    found = Standing(frozenset("z"), {"z": Row(frozenset("xyz"), "2.0 (build f00)")})
    with pytest.raises(SchemaError) as caught:
        is_served(found, chain("", ""))
    assert "revision z" in str(caught.value)
    assert "2.0 (build f00)" in caught.value.advice
    assert "x or y" in caught.value.advice


def test_a_newer_schema_without_a_row_admits_only_itself() -> None:
    with pytest.raises(SchemaError, match="revision z"):
        is_served(Standing(frozenset("z"), {}), chain(""))


def test_two_revisions_at_once_admit_nobody() -> None:
    with pytest.raises(SchemaError):
        is_served(Standing(frozenset("az"), kept(z="az")), chain(""))


def test_a_migration_whose_file_changed_since_it_ran_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "a.py"
    file.write_text("first")
    own = Revisions({"a": Revision(path=file)})
    rows = {"a": Row(frozenset("a"), "1.0", own.digest("a"))}
    warn_of_edited(own, rows)
    warn_of_edited(own, {"a": Row(frozenset("a"))})
    assert not caplog.records
    file.write_text("second")
    warn_of_edited(own, rows)
    assert "migration a is not the file that ran here, in image 1.0" in caplog.text


def test_a_quote_in_an_image_s_name_stays_in_it(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.touch()
    ledger = Ledger(Revisions({"a": Revision(path=file)}), {}, "it's 1.0")
    assert "'it''s 1.0'" in ledger.reached("a")[1]


def test_readers_after_needs_no_rows_for_the_first() -> None:
    assert readers_after("a", chain("a"), {}) == {"a"}
