"""Fixtures of the tests of the host side."""

from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import engine

FakeDocker = Callable[..., str]


@pytest.fixture
def fake_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """A function that puts a `docker` of some version onto an otherwise empty PATH."""
    folders: list[str] = []
    monkeypatch.setattr(engine, "USUAL_FOLDERS", ())
    monkeypatch.setenv("PATH", "")

    def put(version: str, *, buildx: bool = False, server: str = "echo 20.10.24") -> str:
        folder = tmp_path / f"bin-{len(folders)}"
        folder.mkdir()
        program = folder / "docker"
        program.write_text(
            "#!/bin/sh\n"
            f'case "$1" in --version) echo "Docker version {version}, build x";;\n'
            f"version) {server};;\n"
            f"buildx) exit {0 if buildx else 1};; esac\n"
        )
        program.chmod(0o755)
        folders.append(str(folder))
        monkeypatch.setenv("PATH", ":".join(folders))
        return str(program)

    return put
