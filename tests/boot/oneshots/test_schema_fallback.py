"""schema-bootstrap and SQLite files: a fallback gets its journal, and its rows come home."""

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from boot.database.journal import Journal
from boot.exit_status import ExitStatus
from tests.support.mounts import filled, mounted
from tests.support.oneshot import Ended
from tests.support.postgres import PostgresServer
from tests.support.shop import Shop, Store, lines, only_error

BOOT = "0123456789ab"
AWAY = "postgresql://user:canary@db.example/shop"


class FallbackShop(Shop):
    """The shop with keys of its own making, in a fallback."""

    def __init__(self, directory: Path, *, own_keys: bool = True) -> None:
        super().__init__(directory)
        self.embedded = self.file
        self.file = self.data / "fallback.db"
        self.journal = Journal(self.file)
        if own_keys:
            for path in (self.directory / "path/shop").rglob("*.py"):
                path.write_text(path.read_text().replace("Integer", "BigInteger"))

    def fall_back(self, stands_in_for: str = AWAY, boot_id: str = BOOT) -> Ended:
        """Run the step as db-wait leaves it a fallback."""
        return self.step(
            DATABASE_URL=f"sqlite:///{self.file}",
            EDGEPAAS_DB_FALLBACK_ACTIVE="1",
            EDGEPAAS_POSTGRES_URL=stands_in_for,
            EDGEPAAS_BOOT_ID=boot_id,
        )

    def write(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.file, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)


@pytest.fixture
def shop(tmp_path: Path) -> FallbackShop:
    return FallbackShop(tmp_path)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a handful of pages, as the data directory of a shop."""
    yield from mounted(tmp_path / "small", "size=1m")


def messages(result: Ended, level: str) -> list[str]:
    return [line["message"] for line in lines(result) if line["level"] == level]


def test_a_fallback_has_a_journal_from_its_first_row(shop: FallbackShop) -> None:
    result = shop.fall_back()
    assert result.status == 0, result.output
    assert messages(result, "WARNING") == []
    assert "canary" not in result.output
    shop.write("INSERT INTO customers (id, name) VALUES (1, 'a')", "DELETE FROM customers")
    epoch = shop.journal.epoch()
    assert epoch is not None
    assert (epoch.target, epoch.boot_id) == ("db.example:5432/shop", BOOT)
    assert [each.revision for each in shop.journal.operations()] == ["c3", "c3"]


def test_the_next_boot_goes_on_with_the_journal(shop: FallbackShop) -> None:
    shop.fall_back()
    epoch = shop.journal.epoch()
    shop.write("INSERT INTO customers (id, name) VALUES (1, 'a')")
    result = shop.fall_back(boot_id="ba9876543210")
    assert result.status == 0, result.output
    assert messages(result, "INFO")[-1].startswith("1 changes wait in the journal")
    assert shop.journal.epoch() == epoch


def test_the_embedded_database_has_no_journal(shop: FallbackShop) -> None:
    assert shop.step().status == 0
    assert Journal(shop.embedded).epoch() is None


def test_tables_with_keys_of_the_server_are_read_only_and_named_once(tmp_path: Path) -> None:
    shop = FallbackShop(tmp_path, own_keys=False)
    result = shop.fall_back()
    assert result.status == 0, result.output
    (warning,) = messages(result, "WARNING")
    reason = "its key is an integer that the server makes"
    assert warning == f"read-only in this fallback: customers ({reason}), orders ({reason})"
    with pytest.raises(sqlite3.IntegrityError, match="customers is read-only"):
        shop.write("INSERT INTO customers (id, name) VALUES (1, 'a')")


def test_a_fallback_for_another_postgresql_is_78_and_untouched(shop: FallbackShop) -> None:
    shop.fall_back()
    shop.write("INSERT INTO customers (id, name) VALUES (1, 'a')")
    before = shop.file.read_bytes()
    result = shop.fall_back("postgresql://user:canary@other.example/shop")
    assert result.status == ExitStatus.CONFIG
    assert (
        "PostgreSQL db.example:5432/shop, but now it would be other"
        in only_error(result)["message"]
    )
    assert "canary" not in result.output
    assert shop.file.read_bytes() == before


def test_a_fallback_of_an_older_image_is_migrated_and_its_changes_journaled(
    shop: FallbackShop,
) -> None:
    shop.fall_back()
    shop.write("INSERT INTO customers (id, name) VALUES (1, 'a')")
    shop.add("d4", "c3", "with op.batch_alter_table('customers', recreate='always') as batch: "
             "batch.add_column(sa.Column('vip', sa.Boolean(), server_default='1'))")  # fmt: skip
    result = shop.fall_back()
    assert result.status == 0, result.output
    shop.write("UPDATE customers SET name = 'b'")
    found = [(each.revision, each.values) for each in shop.journal.operations()]
    row = {"id": 1, "name": "a", "email": None}
    assert found == [
        ("c3", row),
        ("d4", {**row, "vip": 1}),
        ("d4", {**row, "vip": 1, "name": "b"}),
    ]


def test_a_migration_of_a_fallback_killed_in_the_middle_is_completed_by_the_next(
    shop: FallbackShop,
) -> None:
    shop.fall_back()
    shop.write("INSERT INTO customers (id, name) VALUES (1, 'a')")
    change = "op.execute(\"UPDATE customers SET name = 'b'\")"
    shop.add("d4", "c3", f"{change}; os.kill(os.getpid(), signal.SIGKILL)")
    assert shop.fall_back().status == -signal.SIGKILL
    assert shop.in_file("SELECT name FROM customers") == [("a",)]
    shop.add("d4", "c3", change)
    result = shop.fall_back()
    assert result.status == 0, result.output
    assert [each.values and each.values["name"] for each in shop.journal.operations()] == ["a", "b"]


@pytest.mark.postgres
def test_rows_of_a_fallback_come_home_at_the_next_boot(
    shop: FallbackShop, postgres_server: PostgresServer, postgres_url: str
) -> None:
    shop.fall_back(postgres_url)
    shop.write(
        "INSERT INTO customers (id, name) VALUES (1, 'a')",
        "INSERT INTO orders VALUES (10, 1)",
        "UPDATE customers SET name = 'b'",
    )
    epoch = shop.journal.epoch()
    assert epoch is not None
    result = shop.step(DATABASE_URL=postgres_url)
    assert result.status == 0, result.output
    store = Store(postgres_server, postgres_url)
    assert store.ask("SELECT id, name FROM customers") == [(1, "b")]
    assert store.ask("SELECT id, customer_id FROM orders") == [(10, 1)]
    kept = shop.data / f"fallback-{epoch.id}.db"
    assert kept.exists()
    assert not shop.file.exists()
    assert shop.step(DATABASE_URL=postgres_url).status == 0


@pytest.mark.parametrize(
    "room", [0, 300_000], ids=["before the migration", "in the middle of the migration"]
)
def test_a_full_disk_is_74_and_the_file_as_it_was(
    shop: FallbackShop, small: Path, room: int
) -> None:
    shop.file = small / "fallback.db"
    shop.journal = Journal(shop.file)
    assert shop.fall_back().status == 0
    shop.write("INSERT INTO customers (id, name) VALUES (1, 'a')")
    filled(small, room)
    shop.add("d4", "c3", "op.execute('UPDATE customers SET name = hex(zeroblob(200000))')")
    result = shop.fall_back()
    assert result.status == ExitStatus.IO, result.output
    message = only_error(result)["message"]
    assert "free space on the volume" in message
    assert ("migration d4" in message) is bool(room)
    (small / "filler").unlink()
    assert shop.in_file("SELECT name FROM customers") == [("a",)]
    assert shop.journal.pending() == 1
