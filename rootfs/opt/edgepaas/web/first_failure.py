"""Lets one of several failing workers tell the cause and end web. Imports nothing of ours."""

import os
import signal
from typing import NoReturn


class FirstFailure:
    """A token that only one process gets; made by the arbiter before it forks."""

    def __init__(self) -> None:
        self._token, giver = os.pipe()
        os.write(giver, b"1")
        os.close(giver)
        self._holder = 0

    def claim(self) -> bool:
        """Tell whether this process is the first to fail; it may ask again."""
        if self._holder != os.getpid():
            if not os.read(self._token, 1):
                return False
            self._holder = os.getpid()
        return True


def wait_to_be_stopped() -> NoReturn:
    """Wait for the signal that ends this process.

    gunicorn's arbiter trips over a second worker that failed to boot while it stops for the first:
    it would end with a traceback and status 1.
    """
    while True:
        signal.pause()
