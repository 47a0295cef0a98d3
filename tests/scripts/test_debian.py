from pathlib import Path

import pytest

from scripts import debian
from scripts.console import Failure


def test_os_release_is_read_with_and_without_quotes(tmp_path: Path) -> None:
    path = tmp_path / "os-release"
    path.write_text('ID=ubuntu\nID_LIKE="debian"\n\n')
    assert debian.os_release(path) == {"ID": "ubuntu", "ID_LIKE": "debian"}


def test_elsewhere_packages_cannot_be_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian, "os_release", lambda: {"ID": "fedora"})
    assert debian.why_not_installable() == "this is neither Debian nor Ubuntu"
    with pytest.raises(Failure, match=r"a thing needs the packages no-such-package.*neither"):
        debian.install(["no-such-package"], "a thing")


def test_what_is_installed_is_not_installed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "is_installed", lambda _: True)
    monkeypatch.setattr(debian, "why_not_installable", lambda: pytest.fail("asked for nothing"))
    debian.install(["postgresql"], "tests")
