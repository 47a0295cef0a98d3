"""Lets one of several failing workers tell the cause. Imports nothing of ours."""

import os


class FirstFailure:
    """A token that only one process gets; made by the arbiter before it forks."""

    def __init__(self) -> None:
        self._token, giver = os.pipe()
        os.set_blocking(self._token, False)
        os.write(giver, b"1")
        os.close(giver)

    def claim(self) -> bool:
        """Tell whether this process is the first to fail."""
        try:
            return os.read(self._token, 1) == b"1"
        except BlockingIOError:
            return False
