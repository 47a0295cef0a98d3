"""nginx: one included upstream file, tested before a reload; old workers finish old work."""

from __future__ import annotations

import re
import time
from pathlib import Path

from scripts.bluegreen.outcome import Outcome, Stopped
from scripts.bluegreen.proxy import ProxyConfig, ProxyError, Slots, command
from scripts.bluegreen.slot import other
from scripts.bluegreen.state import replace_file

LIVE = re.compile(r"^# live: (blue|green|none)$", re.MULTILINE)
# The other slot as backup: a slow upload that an old worker took in before a switch is sent to its
# slot only when it is complete, and that slot may be stopped by then.
TEXT = """\
# live: {live}
# Written by scripts/blue_green.py; docs/blue-green.md tells what for.
upstream {upstream} {{
    server {first} max_fails=0{down};
    server {second} max_fails=0 {role};
    keepalive 32;
}}
"""
SHUTTING_DOWN = "shutting down"
RELOAD_SECONDS = 10.0
POLL_SECONDS = 0.02


class Nginx:
    """nginx by its upstream file and two commands."""

    def __init__(self, config: ProxyConfig, slots: Slots) -> None:
        self.config = config
        self.slots = slots

    def check(self) -> None:
        """Raise Stopped when the file is not ours or nginx finds its configuration wrong."""
        self.live()
        command(self.config.test)

    def live(self) -> str | None:
        """Return what the file says, which nginx has loaded or will load."""
        file = self.config.upstream_file
        try:
            found = LIVE.search(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise Stopped(
                f"{file}: {error.strerror}; copy deploy/nginx/edgepaas-upstream.conf there, and"
                " include it in nginx's configuration",
                Outcome.CONFIG,
            ) from None
        if found is None:
            raise Stopped(
                f"{file} was not written by this script: replace it by the one in deploy/nginx",
                Outcome.CONFIG,
            )
        return None if found[1] == "none" else found[1]

    def switch(self, slot: str | None) -> None:
        """Write the file, test it, reload; return when no old worker takes connections any more."""
        before = self.live()
        self._write(slot)
        try:
            command(self.config.test)
        except ProxyError:
            self._write(before)
            raise
        old = self._accepting()
        command(self.config.reload)
        self._wait_for_end_of(old)

    def _write(self, slot: str | None) -> None:
        first = slot or "blue"
        text = TEXT.format(
            live=slot or "none",
            upstream=self.config.upstream,
            first=self.slots[first].address,
            second=self.slots[other(first)].address,
            down="" if slot else " down",
            role="backup" if slot else "down",
        )
        replace_file(self.config.upstream_file, text, 0o644)

    def _accepting(self) -> set[int]:
        """Return the workers that take new connections; none where they cannot be seen."""
        try:
            master = int(self.config.pid_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return set()
        return {pid for pid, title in workers(master) if SHUTTING_DOWN not in title}

    def _wait_for_end_of(self, old: set[int]) -> None:
        deadline = time.monotonic() + RELOAD_SECONDS
        while old & self._accepting():
            if time.monotonic() > deadline:
                raise ProxyError(
                    f"nginx did not take up its new configuration in {RELOAD_SECONDS:g} s"
                )
            time.sleep(POLL_SECONDS)

    def retire(self, slot: str) -> None:
        """Do nothing: the file names no slot's state."""

    def plan(self, slot: str) -> list[str]:
        """Return what switch(slot) would do."""
        file = f"write {self.config.upstream_file}: {self.slots[slot].address}"
        return [file, self.config.test, self.config.reload]


def workers(master: int) -> list[tuple[int, str]]:
    """Return pid and title of the worker processes of an nginx."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            title = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if int(parent) == master and "worker process" in title:
            found.append((int(folder.name), title))
    return found
