"""Any other proxy, by a command of yours (docs/blue-green.md#any-other-proxy)."""

from __future__ import annotations

import shlex

from scripts.bluegreen.outcome import Outcome, Stopped
from scripts.bluegreen.proxy import ProxyConfig, Slots, command
from scripts.bluegreen.slot import SLOTS

NONE = "none"


class Hook:
    """Your command: `live` prints blue, green or none; `switch SLOT ADDRESS` switches."""

    def __init__(self, config: ProxyConfig, slots: Slots) -> None:
        self.config = config
        self.slots = slots

    def check(self) -> None:
        """Raise Stopped when the command cannot say what is live."""
        self.live()

    def live(self) -> str | None:
        """Return what the command prints."""
        said = command(f"{self.config.hook} live").strip()
        if said not in {*SLOTS, NONE}:
            raise Stopped(
                f"`{self.config.hook} live` printed {said!r}; wanted is blue, green or none",
                Outcome.CONFIG,
            )
        return None if said == NONE else said

    def switch(self, slot: str | None) -> None:
        """Run the command."""
        command(self._words(slot))

    def _words(self, slot: str | None) -> str:
        where = f"{slot} {self.slots[slot].address}" if slot else NONE
        return f"{self.config.hook} switch {where}"

    def retire(self, slot: str) -> None:
        """Run the command with `retire SLOT`."""
        command(f"{self.config.hook} retire {shlex.quote(slot)}")

    def plan(self, slot: str) -> list[str]:
        """Return what switch(slot) would do."""
        return [self._words(slot)]
