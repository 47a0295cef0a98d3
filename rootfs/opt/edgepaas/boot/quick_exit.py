"""The end of a process without taking its memory apart: the kernel frees it anyhow, and sooner.

Import it before what registers with atexit: all that has registered since is called as ever.
Imports nothing of ours.
"""

import atexit
import logging
import os
import sys
from contextlib import suppress

_expected: list[int] = []


def expect(status: int) -> int:
    """Note that this process is about to end with a status; return the status."""
    _expected.append(status)
    return status


@atexit.register
def _leave() -> None:
    if not _expected:
        return
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # closed, or nobody reads
            stream.flush()
    os._exit(_expected[-1])
