"""What a new slot must answer before a client meets it: our questions, then your command."""

from __future__ import annotations

import os
import subprocess

from scripts.bluegreen.config import Smoke
from scripts.bluegreen.outcome import Stopped
from scripts.bluegreen.question import Asker
from scripts.bluegreen.slot import Slot
from scripts.bluegreen.state import Release
from scripts.console import say

ROUNDS = 5  # so that more than one worker is met


def check(smoke: Smoke, asker: Asker, slot: Slot, release: Release, version_path: str) -> None:
    """Ask the slot past the proxy; raises Stopped at the first wrong answer."""
    for path in smoke.paths:
        for _ in range(ROUNDS):
            answer = asker.ask(slot.app_url + path)
            if not answer.ok:
                body = answer.body[:300].decode(errors="replace")
                raise Stopped(f"smoke: {path} of {slot.name} answered {answer.status}: {body}")
    expect(asker, slot.app_url + version_path, slot.name, release)
    if smoke.command:
        run_command(smoke, slot, release)
    say(f"smoke checks of {slot.name} passed")


def expect(asker: Asker, url: str, slot: str, release: Release) -> None:
    """Raise Stopped unless that build answers in that slot."""
    found = asker.identity(url)
    if found != (release.build, slot):
        raise Stopped(f"{url} should say build {release.build} in {slot}, and says {found}")


def run_command(smoke: Smoke, slot: Slot, release: Release) -> None:
    """Run your command by the shell, with URL, MANAGEMENT_URL, SLOT and BUILD; raises Stopped."""
    given = {
        "URL": slot.app_url,
        "MANAGEMENT_URL": slot.management_url,
        "SLOT": slot.name,
        "BUILD": release.build,
    }
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", smoke.command],
            env={**os.environ, **given},
            stdin=subprocess.DEVNULL,
            timeout=smoke.timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Stopped(f"smoke: your command took longer than {smoke.timeout:g} s") from None
    if done.returncode != 0:
        raise Stopped(f"smoke: your command ended with status {done.returncode}: {smoke.command}")
