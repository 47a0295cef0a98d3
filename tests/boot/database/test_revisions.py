"""The head is known without Alembic, and agrees with it."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from boot.database.revisions import Revision, Revisions, State, directory_of, scan
from boot.database.schema_error import SchemaError
from tests.support.oneshot import APPS, REPOSITORY

WRITTEN = [
    ('revision = "{}"', "down_revision = {!r}"),
    ("revision: str = '{}'  # why", "down_revision: str | None = {!r}"),
    ('revision: str = "{}"', "down_revision: Union[str, Sequence[str], None] = {!r}"),
    ("revision = (\n    '{}'\n)", "down_revision = (\n    {!r}\n)"),
]


def migrations(directory: Path, *pairs: tuple[str, str | tuple[str, ...] | None]) -> Path:
    versions = directory / "versions"
    versions.mkdir()
    (directory / "env.py").touch()
    for index, (revision, below) in enumerate(pairs):
        first, second = WRITTEN[index % len(WRITTEN)]
        text = f'"""About revision = 9."""\n{first.format(revision)}\n{second.format(below)}\n'
        (versions / f"{revision}.py").write_text(text)
    return directory


@pytest.mark.parametrize("directory", [APPS / "shop/alembic", REPOSITORY / "app/migrations"])
def test_alembic_agrees(directory: Path) -> None:
    script = ScriptDirectory(str(directory))
    found = scan(directory)
    assert found.heads == set(script.get_heads())
    assert found.known == {each.revision for each in script.walk_revisions()}


def test_every_way_to_write_a_revision_is_read(tmp_path: Path) -> None:
    chain = [("a", None), ("b", "a"), ("c", "b"), ("d", "c"), ("e", "d")]
    assert scan(migrations(tmp_path, *chain)).head() == "e"


def test_a_merge_joins_its_branches(tmp_path: Path) -> None:
    directory = migrations(tmp_path, ("a", None), ("b", "a"), ("c", "a"), ("d", ("b", "c")))
    assert scan(directory).head() == "d"


def test_a_quote_in_a_comment_is_no_revision(tmp_path: Path) -> None:
    directory = migrations(tmp_path, ("a", None))
    (directory / "versions/b.py").write_text("revision = 'b'\ndown_revision = ('a',)  # not 'c'\n")
    found = scan(directory)
    assert found.known == {"a", "b"}
    assert found.heads == {"b"}


def test_a_revision_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="build on a"):
        scan(migrations(tmp_path, ("b", "a")))


def test_two_heads_are_named(tmp_path: Path) -> None:
    found = scan(migrations(tmp_path, ("a", None), ("b", "a"), ("c", "a")))
    with pytest.raises(SchemaError, match="b and c") as caught:
        found.head()
    assert "alembic merge" in caught.value.advice


@pytest.mark.parametrize(
    "circle", [[("b", "c"), ("c", "b")], [("b", "b")], [("b", "d"), ("c", "b"), ("d", "c")]]
)
def test_migrations_in_a_circle_are_named(tmp_path: Path, circle: list[tuple[str, str]]) -> None:
    with pytest.raises(SchemaError, match=r"circle.*b"):
        scan(migrations(tmp_path, ("a", None), *circle))


def test_each_revision_comes_after_what_it_builds_on(tmp_path: Path) -> None:
    directory = migrations(tmp_path, ("d", None), ("c", "d"), ("b", "c"), ("a", ("b", "c")))
    assert list(scan(directory).migrations) == ["d", "c", "b", "a"]


@pytest.mark.parametrize("written", ["'a'", '"a"  # why', "(\n    'a'\n)"])
def test_every_way_to_write_a_min_reader_is_read(tmp_path: Path, written: str) -> None:
    directory = migrations(tmp_path, ("a", None))
    text = f"revision = 'b'\ndown_revision = 'a'\nmin_reader = {written}\n"
    (directory / "versions/b.py").write_text(text)
    found = scan(directory).migrations
    assert found["b"].min_reader == "a"
    assert found["a"].min_reader == ""


def test_a_file_that_does_not_parse_is_named(tmp_path: Path) -> None:
    directory = migrations(tmp_path, ("a", None))
    (directory / "versions" / "bad.py").write_text("revision = (\n")
    with pytest.raises(SchemaError, match=r"bad\.py"):
        scan(directory)


@pytest.mark.parametrize(
    ("current", "state"),
    [
        ([], State.EMPTY),
        (["a"], State.BEHIND),
        (["b"], State.AT_HEAD),
        (["z"], State.AHEAD),
        (["b", "z"], State.AHEAD),
    ],
)
def test_a_database_stands_somewhere(current: list[str], state: State) -> None:
    own = Revisions({"a": Revision(), "b": Revision(frozenset("a"))})
    assert own.state(current) is state


@pytest.mark.parametrize("location", ["no_such_package:x", "tests:nowhere", "/nowhere"])
def test_a_missing_directory_is_a_configuration_error(location: str) -> None:
    with pytest.raises(SchemaError, match="EDGEPAAS_SCHEMA_MIGRATIONS") as caught:
        directory_of(location)
    assert caught.value.status == 78


def test_a_package_is_found_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "explosive"
    (package / "alembic").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError")
    (package / "alembic/env.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert directory_of("explosive:alembic") == package / "alembic"
