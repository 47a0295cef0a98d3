"""One deploy at a time: a lock the kernel lets go of when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.bluegreen.outcome import Outcome, Stopped


class Lock:
    """The lock of a state folder. The file names its holder, for people and for `abort`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lock"

    @contextmanager
    def held(self, word: str) -> Iterator[None]:
        """Hold it; raises Stopped, naming the holder, when somebody else does."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Stopped(
                    f"another word is at work here: {_read(descriptor) or 'not known which'};"
                    " wait for it, or `make abort`",
                    Outcome.TRY_AGAIN,
                ) from None
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{word}, process {os.getpid()}".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def holder(self) -> int | None:
        """Return the process that holds it; None when nobody does."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            word = _read(descriptor).rpartition(" ")[2]
            return int(word) if word.isdigit() else None
        finally:
            os.close(descriptor)
        return None

    def interrupt(self) -> int | None:
        """Ask whoever holds it to give up, and return that process; None when nobody holds it."""
        process = self.holder()
        if process is not None:
            os.kill(process, signal.SIGTERM)
        return process


def _read(descriptor: int) -> str:
    return os.pread(descriptor, 200, 0).decode(errors="replace")
