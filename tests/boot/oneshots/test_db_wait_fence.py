"""db-wait, as a process: what forbids a fallback, or any SQLite file; and full disks."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from boot.database import claim
from boot.database.journal import Journal
from tests.support.mounts import filled, mounted, mounts_of
from tests.support.oneshot import Container, Ended
from tests.support.ports import free_port

MAIN = (
    "import sys; from pathlib import Path; from boot.database import volume; "
    "volume.MOUNTINFO = Path('mountinfo'); from boot.oneshots.db_wait import main; "
    "sys.exit(main(shell_file=Path('tmp/db_env.sh')))"
)


@pytest.fixture
def container(tmp_path: Path) -> Container:
    """A container with a volume of its own, and a PostgreSQL that is down."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "mountinfo").write_text(mounts_of(tmp_path, "ext4"))
    return Container(
        tmp_path,
        DATABASE_URL=f"postgresql://u:p@127.0.0.1:{free_port()}/d",
        EDGEPAAS_DB_WAIT_TIMEOUT="0",
        EDGEPAAS_BOOT_ID="0123456789ab",
    )


@pytest.fixture
def small_data(container: Container) -> Iterator[Path]:
    """A data directory with hardly any room."""
    container.data.rmdir()
    yield from mounted(container.data, "size=1m")


def run(container: Container, **variables: str) -> Ended:
    return container.run("-c", MAIN, **variables)


def last(result: Ended) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(result.output.splitlines()[-1])
    return line


def stands_on(container: Container, filesystem: str) -> None:
    text = mounts_of(container.directory, filesystem)
    (container.directory / "mountinfo").write_text(text)


def test_with_a_volume_and_one_replica_it_falls_back(container: Container) -> None:
    assert run(container).status == 0
    assert container.exported()["EDGEPAAS_DB_FALLBACK_ACTIVE"] == "1"


@pytest.mark.parametrize("filesystem", ["overlay", "tmpfs", "nfs4", "cifs", "fuse.sshfs", "9p"])
def test_a_volume_that_is_lost_or_far_away_forbids_it(
    container: Container, filesystem: str
) -> None:
    stands_on(container, filesystem)
    result = run(container)
    assert result.status == 69
    assert f"{container.data} is on {filesystem}" in last(result)["message"]
    assert not container.exported()


@pytest.mark.parametrize(("filesystem", "status"), [("overlay", 0), ("tmpfs", 0), ("nfs4", 69)])
def test_accepted_divergence_waives_persistence_but_no_network_file_system(
    container: Container, filesystem: str, status: int
) -> None:
    stands_on(container, filesystem)
    result = run(container, EDGEPAAS_DB_FALLBACK="accept-divergence", EDGEPAAS_REPLICAS="3")
    assert result.status == status


@pytest.mark.parametrize("policy", ["allow", "accept-divergence"])
def test_a_file_another_container_has_in_use_forbids_it(container: Container, policy: str) -> None:
    file = container.data / "fallback.db"
    other = claim.own({"EDGEPAAS_BOOT_ID": "another", "SLOT": "green"}, exclusive=True)
    with claim.take(file, other):
        result = run(container, EDGEPAAS_DB_FALLBACK=policy)
    assert result.status == 69
    assert f"{file} is in use by boot another, slot green" in last(result)["message"]
    assert run(container).status == 0


def test_ones_own_claim_from_before_a_new_decision_does_not(container: Container) -> None:
    own = claim.own(container.variables, exclusive=True)
    with claim.take(container.data / "fallback.db", own):
        assert run(container).status == 0


def test_a_volume_without_room_forbids_it(container: Container, small_data: Path) -> None:
    result = run(container)
    assert result.status == 69
    assert f"{small_data} has" in last(result)["message"]
    assert "left" in last(result)["message"]


@pytest.mark.parametrize(
    ("filesystem", "policy", "status"),
    [
        ("ext4", "deny", 0),
        ("overlay", "allow", 0),
        ("overlay", "deny", 78),
        ("tmpfs", "deny", 78),
        ("nfs4", "allow", 78),
    ],
)
def test_an_embedded_database_needs_a_place_that_lasts_unless_told(
    container: Container, filesystem: str, policy: str, status: int
) -> None:
    stands_on(container, filesystem)
    result = run(container, EDGEPAAS_DB_MODE="sqlite", EDGEPAAS_DB_EPHEMERAL=policy)
    assert result.status == status
    assert ("is on" in last(result)["message"]) is (filesystem != "ext4")


def test_an_embedded_database_needs_room(container: Container, small_data: Path) -> None:
    result = run(container, EDGEPAAS_DB_MODE="sqlite")
    assert result.status == 74
    assert "free space" in last(result)["message"]


@pytest.fixture
def waiting(container: Container) -> Path:
    """A fallback's file in which changes wait for their PostgreSQL."""
    import sqlite3  # noqa: PLC0415

    file = container.data / "fallback.db"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE note (id TEXT PRIMARY KEY, words TEXT)")
    Journal(file).install("db:5432/d", "boot", "c3")
    with connection:
        connection.execute("INSERT INTO note VALUES ('a', 'b'), ('c', 'd')")
    connection.close()
    return file


@pytest.mark.parametrize(
    "wanted",
    [
        {"EDGEPAAS_DB_MODE": "sqlite"},
        {"DATABASE_URL": ""},
        {"DATABASE_URL": "sqlite:////tmp/other.db"},
    ],
)
def test_no_boot_starts_afresh_over_rows_that_wait(
    container: Container, waiting: Path, wanted: dict[str, str]
) -> None:
    before = waiting.read_bytes()
    result = run(container, **wanted)
    assert result.status == 78
    message = last(result)["message"]
    for words in (f"2 changes of an earlier fallback wait in {waiting}", "DATABASE_URL", "export"):
        assert words in message
    assert not container.exported()
    assert waiting.read_bytes() == before


def test_rows_that_wait_are_added_to_in_the_next_fallback(
    container: Container, waiting: Path
) -> None:
    assert run(container).status == 0


def test_rows_that_arrived_are_no_obstacle(container: Container, waiting: Path) -> None:
    Journal(waiting).advance(2, 2, 0)
    assert run(container, EDGEPAAS_DB_MODE="sqlite").status == 0


def test_a_damaged_fallback_is_not_started_over(container: Container) -> None:
    file = container.data / "fallback.db"
    file.write_bytes(b"this was a database once" * 100)
    result = run(container, EDGEPAAS_DB_MODE="sqlite")
    assert result.status == 76
    assert str(file) in last(result)["message"]
    assert file.read_bytes().startswith(b"this was")


@pytest.mark.parametrize("place", ["run", "tmp", "data"])
def test_a_full_disk_is_74_in_one_line(container: Container, place: str) -> None:
    full = container.directory / place
    full.rmdir()
    for _ in mounted(full, "size=64k"):
        filled(full)
        result = run(container, EDGEPAAS_DB_MODE="sqlite")
    assert result.status == 74
    assert str(place) in last(result)["message"]
    assert "Traceback" not in result.output
