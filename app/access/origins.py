"""Whether a browser was sent here by a page of another site. Imports nothing of ours."""

import re
from collections.abc import Iterable

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(:[0-9]*)?")


class Origins:
    """Knows our own pages: those of the host that was asked, of a host we are known as, or of an
    origin we were told to trust.
    """

    def __init__(self, hosts: "Hosts", trusted: Iterable[str]) -> None:
        self._hosts = hosts
        self._trusted = frozenset(origin.lower() for origin in trusted)

    def is_foreign(self, headers: dict[bytes, bytes]) -> bool:
        """Tell whether a request comes from a page of another site; without Origin it does not."""
        origin = headers.get(b"origin")
        if origin is None:
            return False
        text = origin.decode("latin-1").lower()
        if text in self._trusted:
            return False
        place = text.partition("://")[2]
        host = headers.get(b"host", b"").decode("latin-1").lower()
        return not place or (place != host and not self._hosts.know(place))


class Hosts:
    """The names a service is known under, `*.example.org` for all below it."""

    def __init__(self, patterns: Iterable[str]) -> None:
        lower = [pattern.lower() for pattern in patterns]
        self._names = frozenset(lower)
        self._ends = tuple(pattern[1:] for pattern in lower if pattern.startswith("*."))

    def __bool__(self) -> bool:
        return bool(self._names)

    def know(self, host: str) -> bool:
        """Tell whether a Host header, with or without port, is one of them."""
        match = HOST.fullmatch(host.lower())
        name = match[1] if match else ""
        return name in self._names or name.endswith(self._ends)
