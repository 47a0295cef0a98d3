"""What a deploy asks of a proxy. Which slot is live, the proxy says: it is the truth."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Protocol

from scripts.bluegreen.config import Config
from scripts.bluegreen.config import Proxy as ProxyConfig
from scripts.bluegreen.outcome import Stopped
from scripts.bluegreen.slot import Slot

COMMAND_SECONDS = 30


class ProxyError(Stopped):
    """The proxy did not do what it was told; it may be tried again."""


class Proxy(Protocol):
    """A proxy that sends all new requests to one slot."""

    def check(self) -> None:
        """Raise Stopped when it could not be switched."""

    def live(self) -> str | None:
        """Return the slot it sends new requests to; None for none. Raises ProxyError."""

    def switch(self, slot: str | None) -> None:
        """Send new requests to `slot`; done twice is done once. Raises ProxyError."""

    def retire(self, slot: str) -> None:
        """Note that a slot which is not live was stopped."""

    def plan(self, slot: str) -> list[str]:
        """Return what switch(slot) would do, a line for each step."""


def of(config: Config) -> Proxy:
    """Return the proxy that the settings name."""
    from scripts.bluegreen.proxy_haproxy import HAProxy  # noqa: PLC0415 - they import this module
    from scripts.bluegreen.proxy_hook import Hook  # noqa: PLC0415
    from scripts.bluegreen.proxy_nginx import Nginx  # noqa: PLC0415

    kinds: Mapping[str, type] = {"nginx": Nginx, "haproxy": HAProxy, "hook": Hook}
    made: Proxy = kinds[config.proxy.kind](config.proxy, config.slots)
    return made


def command(words: str) -> str:
    """Run a command of the settings by the shell; return what it printed. Raises ProxyError."""
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_SECONDS,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ProxyError(f"`{words}` took longer than {COMMAND_SECONDS} s") from None
    if done.returncode != 0:
        told = (done.stderr + done.stdout).strip()
        raise ProxyError(f"`{words}` ended with status {done.returncode}: {told}")
    return done.stdout


Slots = Mapping[str, Slot]
__all__ = ["Proxy", "ProxyConfig", "ProxyError", "Slots", "command", "of"]
