"""The two slots. Imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass

BLUE, GREEN = "blue", "green"
SLOTS = (BLUE, GREEN)
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Slot:
    """A slot and the ports of 127.0.0.1 on which its container answers."""

    name: str
    app_port: int
    management_port: int

    @property
    def address(self) -> str:
        """Where the proxy sends requests when this slot is live."""
        return f"{LOOPBACK}:{self.app_port}"

    @property
    def app_url(self) -> str:
        """Where its app answers, past the proxy."""
        return f"http://{LOOPBACK}:{self.app_port}"

    @property
    def management_url(self) -> str:
        """Where its sidecar answers."""
        return f"http://{LOOPBACK}:{self.management_port}"


def other(name: str) -> str:
    """Return the slot that `name` is not."""
    return GREEN if name == BLUE else BLUE
