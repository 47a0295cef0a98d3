"""What a fallback's file would stand on, looked at before one is decided."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from boot.database import sqlite_file, volume
from boot.database.volume import Volume


class Ground(NamedTuple):
    """The volume, and what else forbids the file.

    `holder` is the other container that has it in use, `unfit` why it cannot be written; "" where
    there is no such obstacle.
    """

    volume: Volume
    holder: str = ""
    unfit: str = ""


def of(file: Path, environ: Mapping[str, str]) -> Ground:
    """Return what `file` would stand on, seen from the container of that environment."""
    place = volume.of(file.parent)
    try:
        sqlite_file.check_writable(file)
        sqlite_file.check_room(file.parent)
        return Ground(place, holder=_other_holder(file, environ))
    except sqlite_file.UnfitPlaceError as error:
        return Ground(place, unfit=str(error))


def _other_holder(file: Path, environ: Mapping[str, str]) -> str:
    from boot.database import claim  # noqa: PLC0415  # only where PostgreSQL is away

    holder = claim.holder(file)
    # Our own processes that held it are just being reaped when the decision is made anew.
    ours = holder is None or holder.boot_id == environ.get("EDGEPAAS_BOOT_ID")
    return "" if ours else str(holder)
