"""The notify socket read for the units that may write to it."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping

from boot.notify import NotifySocket, unit_of

MESSAGES_AT_ONCE = 200

log = logging.getLogger(__name__)


class Inbox:
    """Messages by unit; `units` are those that notify, `mask` hides secrets in what they say."""

    def __init__(
        self, notify: NotifySocket, units: frozenset[str], mask: Callable[[str], str]
    ) -> None:
        self.notify = notify
        self.units = units
        self.mask = mask
        self._stranger = 0

    def messages(self, pids: Mapping[int, str]) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield what came from units, a bounded number at once; `pids` tells who is who."""
        for _ in range(MESSAGES_AT_ONCE):
            message = self.notify.receive()
            if message is None:
                return
            name = unit_of(message.pid, pids)
            if name in self.units:
                yield name, {key: self.mask(value) for key, value in message.fields.items()}
            else:
                self._ignore(message.pid)

    def _ignore(self, pid: int) -> None:
        """Say once that a stranger's messages do not count, however many it sends."""
        if pid != self._stranger:
            # One that is gone may have been a worker of a unit that just ended: nothing to mend.
            alive = os.access(f"/proc/{pid}/exe", os.F_OK)
            level = logging.WARNING if alive else logging.INFO
            log.log(
                level, "notify messages from pid %d are ignored: it is no notifying unit's", pid
            )
        self._stranger = pid
