"""What must be so before an embedded SQLite database serves. Nothing here changes a file."""

from pathlib import Path

from boot.database import sqlite_file, volume
from boot.database.schema_error import SchemaError
from boot.exit_status import ExitStatus


def refuse_to_start_afresh(fallback_file: Path) -> None:
    """See that no rows of a fallback wait for their PostgreSQL. Raises SchemaError (78)."""
    if not fallback_file.exists() or not fallback_file.stat().st_size:
        return
    from boot.database.journal import Journal  # noqa: PLC0415  # only where there was a fallback

    if pending := Journal(fallback_file).pending():
        raise SchemaError(
            f"{pending} changes of an earlier fallback wait in {fallback_file}, and the embedded "
            "database that was asked for does not have them",
            "set DATABASE_URL to their PostgreSQL again, which replays them; or save them with "
            f"`edgepaas db export`, then move {fallback_file} away",
            ExitStatus.CONFIG,
        )


def check_place(file: Path, *, ephemeral_allowed: bool) -> str:
    """See that the file can be served from where it is; return what endangers it there, or "".

    Raises UnfitPlaceError.
    """
    place = volume.of(file.parent)
    sqlite_file.check_place(file, place, ephemeral_allowed=ephemeral_allowed)
    return f"{file} {place.danger}" if place.danger else ""
