"""What each unit inherits, on a real directory."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from boot import environment
from boot.exports import Exports


@pytest.fixture
def exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exports]:
    """Exports over an empty directory; `os.environ` is put back afterwards."""
    before = dict(os.environ)
    yield Exports({"PATH": "/bin", "COLOUR": "original"}, tmp_path / "env")
    os.environ.clear()
    os.environ.update(before)


def test_names_are_told_once_when_they_are_new_or_changed(exports: Exports) -> None:
    assert exports.collect("a") == []
    environment.write_all({"B": "1", "A": "1"}, exports.directory)
    assert exports.collect("a") == ["A", "B"]
    assert exports.collect("b") == []
    environment.write("B", "2", exports.directory)
    assert exports.collect("b") == ["B"]


def test_the_environment_is_exactly_what_the_unit_is_given(exports: Exports) -> None:
    os.environ["STRAY"] = "1"
    environment.write("SIZE", "5", exports.directory)
    exports.collect("a")
    exports.apply("b", {"NOTIFY_SOCKET": "n"})
    assert dict(os.environ) == {
        "PATH": "/bin",
        "COLOUR": "original",
        "SIZE": "5",
        "NOTIFY_SOCKET": "n",
    }
    exports.apply("c", {})
    assert "NOTIFY_SOCKET" not in os.environ


def test_a_unit_does_not_inherit_what_it_wrote_itself(exports: Exports) -> None:
    environment.write("COLOUR", "blue", exports.directory)
    exports.collect("decide")
    exports.apply("decide", {})
    assert os.environ["COLOUR"] == "original"
    exports.apply("other", {})
    assert os.environ["COLOUR"] == "blue"


def test_what_was_removed_is_inherited_no_more(exports: Exports) -> None:
    environment.write("SIZE", "5", exports.directory)
    exports.collect("a")
    environment.remove("SIZE", exports.directory)
    assert exports.collect("b") == []
    exports.apply("c", {})
    assert "SIZE" not in os.environ


def test_a_directory_that_cannot_be_read_leaves_what_was_known(exports: Exports) -> None:
    environment.write("SIZE", "5", exports.directory)
    exports.collect("a")
    for path in exports.directory.iterdir():
        path.unlink()
    exports.directory.rmdir()
    exports.directory.write_text("not a directory")
    assert exports.collect("b") == []
    exports.apply("c", {})
    assert os.environ["SIZE"] == "5"


def test_a_unit_that_runs_again_inherits_what_one_before_it_wrote_and_it_overwrote(
    exports: Exports,
) -> None:
    environment.write("COLOUR", "given", exports.directory)
    exports.collect("check")
    environment.write("COLOUR", "decided", exports.directory)
    exports.collect("decide")
    assert exports.environment_of("decide")["COLOUR"] == "given"
    assert exports.environment_of("web")["COLOUR"] == "decided"
    assert exports.environment_of("check")["COLOUR"] == "decided"
