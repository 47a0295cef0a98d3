from pathlib import Path

import pytest

from scripts import env_file


def test_it_reads_what_docker_would_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_CALLER", "here")
    monkeypatch.delenv("NOT_SET", raising=False)
    path = tmp_path / ".env"
    path.write_text('# a comment\n\nA=1\nQUOTED="x y"\nEQUALS=a=b\nFROM_CALLER\nNOT_SET\n')
    assert env_file.read(path) == {
        "A": "1",
        "QUOTED": '"x y"',
        "EQUALS": "a=b",
        "FROM_CALLER": "here",
    }


def test_no_file_is_no_variables(tmp_path: Path) -> None:
    assert env_file.read(tmp_path / ".env") == {}
