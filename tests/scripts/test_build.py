from pathlib import Path

import pytest

from scripts import base_image, build
from scripts.console import Failure
from scripts.engine import Engine
from tests.support import engine as test_engine

LOG = """#4 [build 1/9] RUN one
#4 sha256:abc
#4 CACHED

#5 [build 2/9] RUN   two
#5 0.1 working
#5 DONE 0.2s
"""


def test_a_build_off_a_terminal_prints_only_the_steps_that_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_text(LOG)
    log = tmp_path / "log"
    assert build.run_quietly(["/bin/cat", str(tmp_path / "text")], {}, log) == 0
    assert capsys.readouterr().out == "edgepaas: [build 2/9] RUN two\n"
    assert log.read_text() == LOG


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("write /x: no space left on device\n")
    assert build.explain(log).startswith("disk full")


def test_a_missing_network_is_suspected(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("Temporary failure resolving\n")
    assert "no network?" in build.explain(log)


def test_too_little_room_is_said_before_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "output", lambda *_: "/")
    monkeypatch.setattr(build, "NEEDED_BYTES", 10**18)
    with pytest.raises(Failure, match="disk full: / has"):
        build.check_disk(Engine("docker"))


def test_the_bundle_goes_in_as_a_secret_only(monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = "/etc/ssl/certs/ca-certificates.crt"
    monkeypatch.setattr(build, "certificate_bundle", lambda: bundle)
    command = build.arguments("base", "app", "tag")
    assert [part for part in command if bundle in part] == [f"id=ca,src={bundle}"]
    monkeypatch.setattr(build, "certificate_bundle", lambda: None)
    assert "--secret" not in build.arguments("base", "app", "tag")


def test_the_caller_may_choose_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASE_IMAGE", "mine:1")
    assert base_image.ensure(Engine("docker")) == "mine:1"


@pytest.mark.engine
def test_a_base_that_is_here_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BASE_IMAGE", raising=False)
    test_engine.image()
    monkeypatch.setattr(base_image, "pull", lambda *_: pytest.fail("pulled"))
    assert base_image.ensure(test_engine.docker()) in {base_image.OFFICIAL, base_image.MADE}
