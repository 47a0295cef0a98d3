"""A replay that kills itself: `python -m tests.support.mortal_replay FILE URL METADATA MOMENT HOW`.

It ends at the moment of that number, counted over every statement, commit and word to the journal,
before and after each. HOW is `now`, or `during`: a thread kills while what follows is under way.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from boot.database import replay, url
from boot.database.journal import Journal
from boot.database.schema_request import BOOT, SchemaRequest

LOCK_SECONDS = 60.0


def kill() -> None:
    """End as by kill -9."""
    os.kill(os.getpid(), signal.SIGKILL)


class Moments:
    """Counts down to the one that is the last."""

    def __init__(self, left: int, how: str) -> None:
        self._left = left
        self._how = how

    def passes(self, *_: object) -> None:
        """Be at the next moment."""
        self._left -= 1
        if self._left == 0:
            if self._how == "now":
                kill()
            threading.Thread(target=kill).start()

    def around(self, action: Callable[..., Any]) -> Callable[..., Any]:
        """Return the action with a moment before and one after it."""

        def surrounded(*arguments: Any) -> Any:
            self.passes()
            result = action(*arguments)
            self.passes()
            return result

        return surrounded


def main(file: str, address: str, metadata: str, moment: str, how: str) -> None:
    """Replay until the moment, or to the end."""
    moments = Moments(int(moment), how)
    for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(Engine, name, moments.passes)
    Journal.advance = moments.around(Journal.advance)  # type: ignore[method-assign]
    target = url.parse(address)
    replay.run(SchemaRequest(target, target, BOOT, LOCK_SECONDS, metadata, "", 60.0), Path(file))


if __name__ == "__main__":
    main(*sys.argv[1:])
