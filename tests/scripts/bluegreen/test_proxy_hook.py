"""Any other proxy, by a command."""

from pathlib import Path

import pytest

from scripts.bluegreen import config, proxy
from scripts.bluegreen.outcome import Stopped

HOOK = """#!/bin/sh
echo "$*" >> calls
case $1 in
live) cat live;;
switch) echo "$2" > live; test "$2" != green || test -e green-works;;
esac
"""


@pytest.fixture
def hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> proxy.Proxy:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "live").write_text("none\n")
    script = tmp_path / "hook"
    script.write_text(HOOK)
    script.chmod(0o755)
    path = tmp_path / "blue-green.ini"
    path.write_text(f"[proxy]\nkind = hook\nhook = {script}\nurl = http://127.0.0.1:80\n")
    return proxy.of(config.load(path))


def test_it_is_asked_and_told(hook: proxy.Proxy, tmp_path: Path) -> None:
    hook.check()
    assert hook.live() is None
    hook.switch("blue")
    assert hook.live() == "blue"
    hook.retire("green")
    hook.switch(None)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == [
        "live", "live", "switch blue 127.0.0.1:8001", "live", "retire green", "switch none",
    ]  # fmt: skip


def test_a_command_that_fails_may_be_tried_again(hook: proxy.Proxy, tmp_path: Path) -> None:
    with pytest.raises(proxy.ProxyError, match=r"green 127\.0\.0\.1:8002` ended with status 1"):
        hook.switch("green")
    (tmp_path / "green-works").touch()
    hook.switch("green")
    assert hook.live() == "green"


def test_an_answer_nobody_understands_is_told(hook: proxy.Proxy, tmp_path: Path) -> None:
    (tmp_path / "live").write_text("purple\n")
    with pytest.raises(Stopped, match="wanted is blue, green or none"):
        hook.check()
