import tomllib

import pytest

from scripts import identity
from scripts.checkout import ROOT


def test_the_version_is_the_project_s() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert identity.read().version == project["version"]


def test_the_same_commit_was_made_at_the_same_time() -> None:
    first = identity.read()
    assert first.created == identity.read().created
    assert first.created.endswith("Z")


def test_the_caller_may_name_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEPAAS_BUILD_ID", "release-7")
    assert identity.read().build_id == "release-7"


def test_without_git_it_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    this = identity.read()
    assert (this.revision, this.epoch) == ("unknown", 0)
