"""Ties a worker's life to the arbiter's. Imports nothing of ours.

A killed arbiter would otherwise leave its workers behind, holding the port.
"""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def die_with_parent() -> None:
    """Have the kernel send SIGTERM to this process when its parent ends, where it can."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def is_orphan(parent: int) -> bool:
    """Tell whether process `parent` is no longer this one's parent."""
    return os.getppid() != parent
