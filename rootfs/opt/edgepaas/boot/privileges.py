"""Root is given up before anything starts, where the container was started as root."""

import logging
import os
from contextlib import suppress
from pathlib import Path

UID = 10001
GID = 0

log = logging.getLogger(__name__)


def hand_over(*directories: Path) -> None:
    """Give the user we become the directories and what stands directly in them."""
    for directory in directories:
        for path in (directory, *_children(directory)):
            with suppress(OSError):
                os.lchown(path, UID, GID)


def drop() -> bool:
    """Become uid 10001 with gid 0 and no other group; False where that is not permitted.

    A root without capabilities cannot change its uid, and has little of root left to lose.
    """
    try:
        os.setgroups([])
        os.setgid(GID)
        os.setuid(UID)
    except PermissionError:
        return False
    return True


def _children(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []
