"""What a connection is called, and what that tells."""

import pytest

from boot.database.client_name import MIGRATES, ClientName, compose, parse


@pytest.mark.parametrize(
    ("name", "written"),
    [
        (ClientName("blue", "0001", "abc"), "edgepaas/blue/0001/abc"),
        (ClientName("", "0001", ""), "edgepaas/-/0001/-"),
        (ClientName("", "", ""), "edgepaas/-/-/-"),
    ],
)
def test_a_name_is_read_as_it_was_written(name: ClientName, written: str) -> None:
    assert compose(name) == written
    assert parse(written) == name


def test_a_long_build_is_cut_and_the_revision_kept() -> None:
    written = compose(ClientName("green", "r" * 32, "b" * 40))
    assert len(written) == 63
    found = parse(written)
    assert found is not None
    assert found.revision == "r" * 32


def test_a_slash_or_a_space_in_a_part_splits_nothing() -> None:
    assert parse(compose(ClientName("a/b", "0001", "né w"))) == ("a_b", "0001", "n__w")


@pytest.mark.parametrize("other", ["", "psql", "edgepaas", "edgepaas/blue", "a/b/c/d"])
def test_anybody_else_is_none(other: str) -> None:
    assert parse(other) is None


def test_a_migrator_is_no_reader() -> None:
    assert parse(compose(ClientName("blue", "0001", "abc"), MIGRATES)) is None
