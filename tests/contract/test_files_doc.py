"""docs/files.md and the tree agree: every file has its line, and every line its file."""

import re

from tests.support.pages import read, tree

LINE = re.compile(r"^- `([^`]+)`: (.+)$", re.MULTILINE)
LONGEST = 110
LINES = LINE.findall(read("docs/files.md"))


def test_every_file_has_a_line() -> None:
    listed = {path for path, _ in LINES}
    folders = tuple(path for path in listed if path.endswith("/"))
    missing = sorted(path for path in tree() - listed if not path.startswith(folders))
    wanted = "\n".join(f"- `{path}`: what it is for" for path in missing)
    assert not missing, f"add to docs/files.md, each in its section:\n{wanted}"


def test_every_line_has_a_file() -> None:
    gone = [
        path
        for path, _ in LINES
        if path not in tree()
        and not any(each.startswith(path) for each in tree() if path[-1] == "/")
    ]
    assert not gone, f"remove from docs/files.md: {gone}"


def test_no_file_is_listed_twice() -> None:
    paths = [path for path, _ in LINES]
    assert sorted(set(paths)) == sorted(paths)


def test_only_folders_of_look_alikes_share_a_line() -> None:
    """A folder's line hides what is in it: product code is listed file by file."""
    folders = {path for path, _ in LINES if path.endswith("/")}
    hiding = {path for path in folders if not path.startswith(("tests/", "docs/examples/"))}
    assert hiding <= {"app/migrations/versions/"}


def test_lines_are_short() -> None:
    assert not [(path, text) for path, text in LINES if len(text) > LONGEST]
