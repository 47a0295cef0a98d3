"""A SQLite file is refused where it could not be served, with the status of the cause."""

from pathlib import Path

import pytest

from boot.database import sqlite_file, volume
from boot.database.sqlite_file import UnfitPlaceError
from boot.database.volume import Volume
from boot.exit_status import ExitStatus

DISK = Volume("ext4", "")
NETWORK = Volume("nfs4", "is on nfs4, which is not a local disk")
MEMORY = Volume("tmpfs", "is on tmpfs, which ends with the container")
MORE_THAN_THERE_IS = 1 << 62


def test_a_local_disk_with_room_is_fit(tmp_path: Path) -> None:
    sqlite_file.check_place(tmp_path / "x.db", DISK, ephemeral_allowed=False)
    assert list(tmp_path.iterdir()) == []


def test_a_network_filesystem_is_refused_even_where_ephemeral_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(UnfitPlaceError, match=r"nfs4.*damaged") as refused:
        sqlite_file.check_place(tmp_path / "x.db", NETWORK, ephemeral_allowed=True)
    assert refused.value.status is ExitStatus.CONFIG


def test_a_filesystem_that_ends_with_the_container_needs_a_word(tmp_path: Path) -> None:
    sqlite_file.check_place(tmp_path / "x.db", MEMORY, ephemeral_allowed=True)
    with pytest.raises(UnfitPlaceError, match="ends with the container") as refused:
        sqlite_file.check_place(tmp_path / "x.db", MEMORY, ephemeral_allowed=False)
    assert refused.value.status is ExitStatus.CONFIG
    assert "EDGEPAAS_DB_EPHEMERAL=allow" in refused.value.advice


def test_too_little_room_is_told_in_numbers(tmp_path: Path) -> None:
    with pytest.raises(UnfitPlaceError, match=r"has \d+ KiB left; .* needs \d+ MiB") as refused:
        sqlite_file.check_room(tmp_path, MORE_THAN_THERE_IS)
    assert refused.value.status is ExitStatus.IO


def test_a_missing_directory_is_73(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "x.db"
    with pytest.raises(UnfitPlaceError, match="cannot be written") as refused:
        sqlite_file.check_place(
            path, volume.of(tmp_path)._replace(danger=""), ephemeral_allowed=True
        )
    assert refused.value.status is ExitStatus.CANNOT_WRITE
