"""A replay killed again and again, anywhere: nothing is lost, nothing comes in twice.

REPLAY_RUNS=20 repeats the long run with as many seeds.
"""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from boot.database import replay
from tests.support.apps.depot import parts, shelves
from tests.support.fallback import Fallback
from tests.support.oneshot import LAYER, REPOSITORY
from tests.support.workload import Workload

pytestmark = pytest.mark.postgres
DEPOT = "tests.support.apps.depot:metadata"
RUNS = int(os.environ.get("REPLAY_RUNS", "1"))
OPERATIONS = 5000
RIVALS = 20
LATEST_KILL = 10_000
AUDIT = """
CREATE TABLE audit (row_name text, act text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO audit VALUES (coalesce(NEW.id, OLD.id), TG_OP); RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON parts
    FOR EACH ROW EXECUTE FUNCTION note();
"""


@pytest.fixture
def fallback(tmp_path: Path, postgres_url: str) -> Fallback:
    return Fallback(tmp_path / "fallback.db", postgres_url, DEPOT)


def replay_until_done(fallback: Fallback, chance: random.Random) -> int:
    """Replay in processes that die at random moments, until one lives; return how many died."""
    deaths = 0
    while status := mortal(fallback, chance.randrange(1, LATEST_KILL), chance):
        assert status == -signal.SIGKILL
        deaths += 1
    return deaths


def mortal(fallback: Fallback, moment: int, chance: random.Random) -> int:
    how = chance.choice(["now", "during"])
    argv = [str(fallback.path), fallback.postgres, DEPOT, str(moment), how]
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.support.mortal_replay", *argv],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{LAYER}{os.pathsep}{REPOSITORY}"},
        check=False,
    ).returncode


def rivals(fallback: Fallback, chance: random.Random, alive: list[str]) -> set[str]:
    """Be another writer in PostgreSQL: change rows, and add some that will come; return them."""
    changed = set(chance.sample(sorted(alive), RIVALS))
    with fallback.there() as there:
        known = set(there.execute(select(parts.c.id)).scalars())
        there.execute(update(parts).where(parts.c.id.in_(changed)).values(amount=0))
        # Unknown here and there so far; the workload may come to it.
        added = {f"part-{number}" for number in range(0, OPERATIONS, 40)} - known - set(alive)
        there.execute(insert(parts), [{"id": name, "amount": 0} for name in added])
        there.exec_driver_sql("DELETE FROM audit")
    return changed | added


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("seed", range(RUNS))
def test_each_of_5000_operations_is_dealt_with_once_however_often_it_is_killed(
    fallback: Fallback, seed: int
) -> None:
    chance, workload = random.Random(seed), Workload(seed)  # noqa: S311  # to be repeatable
    fallback.ask_nothing(AUDIT)
    with fallback.here() as here:
        workload.write(here, OPERATIONS // 2)
    deaths = replay_until_done(fallback, chance)
    first_half = fallback.journal.operations(limit=OPERATIONS)
    assert fallback.rows(parts) == fallback.rows_here(parts)
    audited = fallback.ask("SELECT count(*) FROM audit")[0][0]
    assert audited == sum(operation.table_name == "parts" for operation in first_half)

    contested = rivals(fallback, chance, workload.alive)
    with fallback.here() as here:
        workload.write(here, OPERATIONS - OPERATIONS // 2)
    deaths += replay_until_done(fallback, chance)
    assert_all_once(fallback, contested, after=first_half[-1].sequence)
    sys.stdout.write(f"seed {seed}: {deaths} kills\n")


def assert_all_once(fallback: Fallback, contested: set[str], after: int) -> None:
    """Hold PostgreSQL against the journal: what was to be applied, what to be parked."""
    operations = fallback.journal.operations(limit=2 * OPERATIONS)
    second_half = [each for each in operations if each.sequence > after]
    touched = {each.key[0] for each in second_half if each.table_name == "parts"} & contested
    chains = Counter(each.operation for each in second_half if each.key[0] in touched)
    parked = [name for (name,) in fallback.ask("SELECT operation FROM edgepaas_conflict")]
    applied = [name for (name,) in fallback.ask("SELECT operation FROM edgepaas_applied")]
    assert len(operations) == OPERATIONS
    assert len(touched) > RIVALS
    assert Counter(parked) == chains
    assert Counter(applied) == Counter(each.operation for each in operations)

    changes = [each for each in second_half if each.table_name == "parts"]
    audited = Counter(name for (name,) in fallback.ask("SELECT row_name FROM audit"))
    assert audited == Counter(each.key[0] for each in changes if each.key[0] not in touched)
    ours = [row for row in fallback.rows_here(parts) if row.id not in contested]
    theirs = fallback.rows(parts)
    assert [row for row in theirs if row.id not in contested] == ours
    assert {row.amount for row in theirs if row.id in contested} == {0}
    assert fallback.rows(shelves) == fallback.rows_here(shelves)


def test_replays_beside_a_writing_application_lose_nothing_of_it(fallback: Fallback) -> None:
    workload, chance = Workload(1), random.Random(1)  # noqa: S311  # to be repeatable

    def write() -> None:
        for _ in range(150):
            with fallback.here() as here:
                workload.write(here, 2)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not writing.done():
            assert mortal(fallback, chance.randrange(1, 3000), chance) in {0, -signal.SIGKILL}
        writing.result()
    replay.run(fallback.request, fallback.path)
    assert fallback.journal.pending() == 0
    assert fallback.rows(parts) == fallback.rows_here(parts)
    assert fallback.ask("SELECT count(*) FROM edgepaas_conflict") == [(0,)]
