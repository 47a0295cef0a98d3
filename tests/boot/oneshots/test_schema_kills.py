"""Killed before any call to the database: the next start completes the schema."""

import json
import signal
from typing import Any

import pytest

from tests.support.shop import Shop, Store

# Batch mode: a new table, every row copied, the old one dropped.
RECREATE = """
    with op.batch_alter_table("customers", recreate="always") as batch:
        batch.add_column(sa.Column("d4", sa.Integer))
"""
postgres = pytest.mark.postgres


def rounds(shop: Shop, *original: str) -> list[dict[str, Any]]:
    result = shop.run("-m", "tests.support.kill_points", *original)
    assert result.status == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


def check(told: list[dict[str, Any]], fewest: int, version: str) -> None:
    """See that each round ended as the last, which nobody killed."""
    *killed, undisturbed = told
    assert len(killed) >= fewest
    assert undisturbed["ended"] == 0
    assert undisturbed["version"] == [version]
    for each in killed:
        expected = {**undisturbed, "calls": each["calls"], "ended": -signal.SIGKILL}
        assert each == expected


@postgres
def test_wherever_a_migration_of_postgresql_is_killed_the_next_start_completes_it(
    shop: Shop, store: Store
) -> None:
    check(rounds(shop), 25, "c3")


def test_wherever_the_creation_of_a_file_is_killed_the_next_start_completes_it(shop: Shop) -> None:
    check(rounds(shop), 10, "c3")


def test_wherever_a_migration_of_a_file_is_killed_the_next_start_completes_it(shop: Shop) -> None:
    assert shop.step().status == 0
    original = shop.file.rename(shop.directory / "original.db")
    shop.add("d4", "c3", RECREATE, "c3")
    check(rounds(shop, str(original)), 10, "d4")
