"""How often an address showed wrong tokens lately. Imports nothing of ours.

Counted in this process only: with several workers an address has as many times the allowance.
"""

import ipaddress
import time
from collections.abc import Callable
from math import ceil

ALLOWED = 10
SECONDS = 60.0
ADDRESSES_MOST = 1024


class Window:
    """What an address showed since its first wrong token, at most a minute ago."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.failures = 0
        self.different: set[bytes] = set()


class Attempts:
    """One who guesses is shut out, his right tokens too; one who repeats a single wrong token is
    told to wait, but shuts nobody out: behind one address there may be a hundred nodes, and one
    of them with a token of yesterday.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[str, Window] = {}

    def shut_out(self, address: str) -> int:
        """Return for how many seconds no token from `address` is looked at; 0 is not at all."""
        window = self._windows and self._current(address)
        return self._left(window) if window and len(window.different) >= ALLOWED else 0

    def note(self, address: str, digest: bytes) -> tuple[int, int]:
        """Note a wrong token; return how many there were, and the seconds to wait or 0."""
        window = self._current(address) or self._begin(address)
        window.failures += 1
        if len(window.different) < ALLOWED:
            window.different.add(digest)
        return window.failures, self._left(window) if window.failures > ALLOWED else 0

    def _current(self, address: str) -> Window | None:
        window = self._windows.get(network(address))
        return window if window and self._left(window) > 0 else None

    def _begin(self, address: str) -> Window:
        key = network(address)
        self._windows.pop(key, None)
        if len(self._windows) >= ADDRESSES_MOST:
            del self._windows[next(iter(self._windows))]  # the oldest
        window = self._windows[key] = Window(self._clock())
        return window

    def _left(self, window: Window) -> int:
        return max(0, ceil(window.began + SECONDS - self._clock()))


def network(address: str) -> str:
    """Return what one client has of its own: an IPv4 address, or a /64 of IPv6."""
    if ":" not in address:
        return address
    try:
        whole = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if whole.ipv4_mapped:
        return str(whole.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(whole) >> 64 << 64, 64)))
