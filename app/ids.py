"""Primary keys that the app makes itself. Imports nothing of ours."""

import os
import time
import uuid

VERSION_7 = 0x7 << 76
VARIANT = 0x2 << 62
NANOSECONDS = 1_000_000


def uuid7() -> uuid.UUID:
    """Return a UUID that sorts by its time of making (RFC 9562, version 7, method 3).

    Rows made in different databases never collide, and new ones land at the index's end.
    """
    milliseconds, rest = divmod(time.time_ns(), NANOSECONDS)
    fraction = (rest << 12) // NANOSECONDS
    random = int.from_bytes(os.urandom(8)) >> 2
    return uuid.UUID(int=milliseconds << 80 | VERSION_7 | fraction << 64 | VARIANT | random)
