"""HAProxy: its runtime API; what it was told is saved where it looks when it starts."""

from __future__ import annotations

import socket
from typing import NamedTuple

from scripts.bluegreen.outcome import Outcome, Stopped
from scripts.bluegreen.proxy import ProxyConfig, ProxyError, Slots
from scripts.bluegreen.slot import SLOTS
from scripts.bluegreen.state import replace_file

SECONDS = 5.0
# Of srv_admin_state: in maintenance or in drain, by whatever way. 0x04 only remembers `disabled`.
AWAY = 0x01 | 0x02 | 0x08 | 0x10 | 0x20 | 0x40


class Server(NamedTuple):
    """A server of the backend as HAProxy sees it now."""

    address: str
    takes_requests: bool


class HAProxy:
    """HAProxy by its socket; the backend has two servers, named blue and green."""

    def __init__(self, config: ProxyConfig, slots: Slots) -> None:
        self.config = config
        self.slots = slots

    def check(self) -> None:
        """Raise Stopped when the backend does not have both slots, at their ports."""
        servers = self._servers()
        wanted = {name: self.slots[name].address for name in SLOTS}
        found = {name: server.address for name, server in servers.items()}
        if found != wanted:
            raise Stopped(
                f"HAProxy's backend {self.config.upstream} has {found}, and should have {wanted}",
                Outcome.CONFIG,
            )

    def live(self) -> str | None:
        """Return the one server that takes new requests."""
        taking = [name for name, server in self._servers().items() if server.takes_requests]
        if len(taking) > 1:
            raise Stopped(
                "HAProxy sends requests to both slots: tell it which, as `set server"
                f" {self.config.upstream}/{taking[-1]} state maint`, and have both `disabled` in"
                " its configuration (deploy/haproxy)",
                Outcome.CONFIG,
            )
        return taking[0] if taking else None

    def switch(self, slot: str | None) -> None:
        """Tell HAProxy in one line, and save what it knows for its next start."""
        self._tell(*self._words(slot))
        self._save()

    def _words(self, slot: str | None) -> list[str]:
        away = [name for name in SLOTS if name != slot]
        words = [f"set server {self.config.upstream}/{slot} state ready"] if slot else []
        return words + [f"set server {self.config.upstream}/{name} state drain" for name in away]

    def retire(self, slot: str) -> None:
        """Put a stopped slot into maintenance."""
        self._tell(f"set server {self.config.upstream}/{slot} state maint")
        self._save()

    def plan(self, slot: str) -> list[str]:
        """Return what switch(slot) would do."""
        return [f"{self.config.socket}: {'; '.join(self._words(slot))}"]

    def _save(self) -> None:
        try:
            replace_file(self.config.state_file, self._ask("show servers state"), 0o644)
        except OSError as error:
            raise Stopped(
                f"{error.filename}: {error.strerror}; HAProxy would forget the switch at its next"
                " start. Make the folder of [proxy] state_file",
                Outcome.CONFIG,
            ) from None

    def _servers(self) -> dict[str, Server]:
        text = self._ask(f"show servers state {self.config.upstream}")
        lines = [line for line in text.splitlines() if line.strip()]
        header = next((line for line in lines if line.startswith("# ")), None)
        if header is None:
            raise Stopped(f"HAProxy: {text.strip()}", Outcome.CONFIG)
        names = header[2:].split()
        found = {}
        for line in lines[lines.index(header) + 1 :]:
            row = dict(zip(names, line.split()))
            address = f"{row['srv_addr']}:{row['srv_port']}"
            away = int(row["srv_admin_state"]) & AWAY
            found[row["srv_name"]] = Server(address, not away)
        return found

    def _tell(self, *words: str) -> None:
        told = self._ask("; ".join(words)).strip()
        if told:
            raise ProxyError(f"HAProxy refused `{'; '.join(words)}`: {told}")

    def _ask(self, words: str) -> str:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(SECONDS)
                connection.connect(str(self.config.socket))
                connection.sendall(f"{words}\n".encode())
                parts = []
                while part := connection.recv(65536):
                    parts.append(part)
        except OSError as error:
            raise ProxyError(
                f"HAProxy does not answer on {self.config.socket}: {error.strerror or error}",
                Outcome.TRY_AGAIN,
            ) from None
        return b"".join(parts).decode(errors="replace")
