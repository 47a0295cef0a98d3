"""The switch and its proof: told to the proxy, and believed only by what answers through it."""

from __future__ import annotations

import time
from typing import Callable, TypeVar, cast

from scripts.bluegreen.host import Host
from scripts.bluegreen.outcome import Stopped
from scripts.bluegreen.proxy import ProxyError
from scripts.bluegreen.state import Release
from scripts.console import say

T = TypeVar("T")

PAUSE_SECONDS = 0.05
RETRY_SECONDS = 0.5


def switch(host: Host, slot: str | None) -> None:
    """Tell the proxy, again and again while it is away; raises Stopped when the time is over."""
    patiently(host, lambda: host.proxy.switch(slot))


def live(host: Host) -> str | None:
    """Ask the proxy which slot is live, as patiently; raises Stopped."""
    return patiently(host, host.proxy.live)


def patiently(host: Host, what: Callable[[], T]) -> T:
    """Return what the proxy says, which may just be starting again; raises Stopped."""
    deadline = time.monotonic() + host.config.wait.switch
    done, problem = _attempt(what)
    if problem:
        say(f"the proxy does not do it, trying on: {problem}")
    while problem:
        if time.monotonic() > deadline:
            raise problem
        time.sleep(RETRY_SECONDS)
        done, problem = _attempt(what)
    return cast("T", done)


def _attempt(what: Callable[[], T]) -> tuple[T | None, ProxyError | None]:
    try:
        return what(), None
    except ProxyError as problem:
        return None, problem


def prove(host: Host, slot: str, release: Release) -> None:
    """Ask through the proxy until enough answers in a row are the slot's; raises Stopped."""
    wait = host.config.wait
    url = host.config.proxy.url + host.config.service.version_path
    deadline = time.monotonic() + wait.prove
    in_a_row = 0
    found = ("nothing", "")
    while in_a_row < wait.proofs:
        found = host.asker.identity(url)
        in_a_row = in_a_row + 1 if found == (release.build, slot) else 0
        if not in_a_row:
            if time.monotonic() > deadline:
                raise Stopped(
                    f"through the proxy, {url} should say build {release.build} in {slot}, and says"
                    f" {' in '.join(filter(None, found))}"
                )
            time.sleep(PAUSE_SECONDS)
    say(
        f"proved through the proxy: {wait.proofs} answers in a row, build {release.build} in {slot}"
    )
