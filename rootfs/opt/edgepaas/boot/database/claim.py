"""Who has a SQLite file in use: a lock on its neighbour NAME.claim, held as long as it is served.

A fallback is claimed exclusively, an embedded database shared. The kernel lets go of the lock with
the last process that inherited it, so a claim outlives neither a crash nor a power cut. SQLite's
own locks cannot tell: they are held for moments only.
"""

import fcntl
import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Self

from boot.database.deadline import Deadline
from boot.database.schema_error import SchemaError
from boot.database.sqlite_file import SHARED, CannotWriteError, open_to_group
from boot.exit_status import ExitStatus

# The last claim ends a moment after its processes were killed, and looking takes a moment too.
PATIENCE = 2.0
SHORTEST_POLL, LONGEST_POLL = 0.01, 0.05


class Holder(NamedTuple):
    """A container that claims a file. `since` is an ISO time, `exclusive` how it claims it."""

    boot_id: str
    slot: str
    host: str
    since: str
    exclusive: bool

    def __str__(self) -> str:
        slot = f", slot {self.slot}" if self.slot else ""
        return f"boot {self.boot_id}{slot} on host {self.host} since {self.since}"


NOBODY_KNOWN = Holder("unknown", "", "unknown", "unknown", exclusive=False)


class ClaimedError(SchemaError):
    """Another container has the file in use, and it cannot be shared."""

    def __init__(self, path: Path, holder: Holder) -> None:
        super().__init__(
            f"{path} is in use by {holder}",
            "stop that container, or give this one a volume of its own",
            ExitStatus.TEMPORARY,
        )
        self.holder = holder


class Claim:
    """A claim on a file. `other` is who had it in use already, where it is shared."""

    def __init__(self, descriptor: int, other: Holder | None) -> None:
        self._descriptor = descriptor
        self.other = other

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()

    def release(self) -> None:
        """Let go of the file; processes that inherited the claim hold it on."""
        os.close(self._descriptor)


Attempt = Callable[[int, Holder], Claim | None]


def own(environ: Mapping[str, str], *, exclusive: bool) -> Holder:
    """Return this container as a holder, from now on."""
    return Holder(
        boot_id=environ.get("EDGEPAAS_BOOT_ID") or "unknown",
        slot=environ.get("SLOT", ""),
        host=os.uname().nodename,
        since=datetime.now(UTC).isoformat(timespec="seconds"),
        exclusive=exclusive,
    )


def holder(path: Path) -> Holder | None:
    """Return who has the file in use now, the last to come where several have; None for nobody.

    Raises CannotWriteError where the claim's file cannot be opened.
    """
    if not _beside(path).exists():
        return None
    descriptor = _open(path)
    try:
        return None if _locked(descriptor, fcntl.LOCK_EX) else _last(descriptor)
    finally:
        os.close(descriptor)


def take(path: Path, claimant: Holder, patience: float = PATIENCE) -> Claim:
    """Claim a file for as long as this process and its children live, or until release().

    Raises ClaimedError where that is not possible within `patience` seconds, CannotWriteError.
    """
    descriptor = _open(path)
    attempt = _exclusive if claimant.exclusive else _shared
    try:
        return _insist(attempt, path, descriptor, claimant, Deadline(patience))
    except BaseException:
        os.close(descriptor)
        raise


def _insist(
    attempt: Attempt, path: Path, descriptor: int, claimant: Holder, deadline: Deadline
) -> Claim:
    while (claim := attempt(descriptor, claimant)) is None:
        if deadline.remaining() <= 0:
            raise ClaimedError(path, _last(descriptor))
        deadline.nap(SHORTEST_POLL, LONGEST_POLL)
    return claim


def _exclusive(descriptor: int, claimant: Holder) -> Claim | None:
    if not _locked(descriptor, fcntl.LOCK_EX):
        return None
    _begin(descriptor, claimant)
    return Claim(descriptor, None)


def _shared(descriptor: int, claimant: Holder) -> Claim | None:
    """Claim beside others; alone, start the list of holders anew."""
    if _locked(descriptor, fcntl.LOCK_EX):
        _begin(descriptor, claimant)
        # Not atomic: an exclusive claim may come in between.
        return Claim(descriptor, None) if _locked(descriptor, fcntl.LOCK_SH) else None
    if not _locked(descriptor, fcntl.LOCK_SH):
        return None
    other = _last(descriptor)
    _append(descriptor, claimant)
    return Claim(descriptor, None if other.boot_id == claimant.boot_id else other)


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.claim")


def _open(path: Path) -> int:
    file = _beside(path)
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(file, flags, SHARED)
    except OSError as error:
        raise CannotWriteError(file, error) from error
    open_to_group(file)
    return descriptor


def _begin(descriptor: int, claimant: Holder) -> None:
    os.ftruncate(descriptor, 0)
    _append(descriptor, claimant)


def _append(descriptor: int, claimant: Holder) -> None:
    os.write(descriptor, json.dumps(claimant._asdict()).encode() + b"\n")


def _last(descriptor: int) -> Holder:
    """Return the last holder the file names; one just claimed may not be named yet."""
    content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    try:
        return Holder(**json.loads(content.splitlines()[-1]))
    except (IndexError, TypeError, ValueError):
        return NOBODY_KNOWN
