"""A SQLite file in use is known as such to every other container, until its user is dead."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from boot.database import claim
from boot.database.claim import ClaimedError, Holder
from boot.database.deadline import Deadline
from boot.database.sqlite_file import CannotWriteError
from boot.exit_status import ExitStatus
from tests.support.wait import wait_until

# Claims, forks a child that inherits the claim, says so, and waits for its end.
CLAIMANT = """
import os, sys
from pathlib import Path
from boot.database import claim
path, boot_id, exclusive = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "exclusive"
environ = {"EDGEPAAS_BOOT_ID": boot_id, "SLOT": "blue"}
held = claim.take(path, claim.own(environ, exclusive=exclusive))
child = os.fork()
if child == 0:
    sys.stdin.read()
    os._exit(0)
print(child, flush=True)
sys.stdin.read()
"""


class Claimant(NamedTuple):
    """A process that holds a claim, and its child."""

    process: "subprocess.Popen[str]"
    child: int

    def kill(self, *, with_child: bool) -> None:
        if with_child:
            os.kill(self.child, signal.SIGKILL)
        self.process.kill()
        self.process.wait()


class Claimants:
    """Starts processes that claim a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.started: list[Claimant] = []

    def start(self, boot_id: str, kind: str) -> Claimant:
        process = subprocess.Popen(
            [sys.executable, "-c", CLAIMANT, str(self.path), boot_id, kind],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        claimant = Claimant(process, int(process.stdout.readline()))
        self.started.append(claimant)
        return claimant

    def end(self) -> None:
        for claimant in self.started:
            claimant.process.communicate()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fallback.db"


@pytest.fixture
def claimants(path: Path) -> Iterator[Claimants]:
    made = Claimants(path)
    yield made
    made.end()


def me(*, exclusive: bool, boot_id: str = "mine") -> Holder:
    return claim.own({"EDGEPAAS_BOOT_ID": boot_id}, exclusive=exclusive)


def test_a_file_that_nobody_claimed_has_no_holder_and_looking_leaves_nothing(path: Path) -> None:
    assert claim.holder(path) is None
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("exclusive", [True, False])
def test_who_claims_a_file_can_be_seen_until_it_lets_go(path: Path, exclusive: bool) -> None:
    with claim.take(path, me(exclusive=exclusive)) as held:
        seen = claim.holder(path)
        assert held.other is None
    assert seen is not None
    assert (seen.boot_id, seen.exclusive) == ("mine", exclusive)
    assert seen.host == os.uname().nodename
    assert claim.holder(path) is None


@pytest.mark.parametrize("exclusive", [True, False])
def test_an_exclusive_claim_lets_nobody_in(
    path: Path, claimants: Claimants, exclusive: bool
) -> None:
    claimants.start("theirs", "exclusive")
    with pytest.raises(
        ClaimedError, match=r"fallback\.db is in use by boot theirs, slot blue"
    ) as e:
        claim.take(path, me(exclusive=exclusive), patience=0)
    assert e.value.status is ExitStatus.TEMPORARY
    assert e.value.holder.boot_id == "theirs"


def test_a_shared_claim_keeps_an_exclusive_one_out(path: Path, claimants: Claimants) -> None:
    claimants.start("theirs", "shared")
    with pytest.raises(ClaimedError, match="boot theirs"):
        claim.take(path, me(exclusive=True), patience=0)


def test_a_shared_claim_beside_another_names_it(path: Path, claimants: Claimants) -> None:
    claimants.start("first", "shared")
    claimants.start("second", "shared")
    with claim.take(path, me(exclusive=False)) as held:
        assert held.other is not None
        assert held.other.boot_id == "second"


def test_a_claim_of_the_own_boot_is_no_other(path: Path, claimants: Claimants) -> None:
    """A worker that outlived its arbiter by a moment."""
    claimants.start("mine", "shared")
    with claim.take(path, me(exclusive=False)) as held:
        assert held.other is None


def test_a_killed_process_claims_nothing_any_more(path: Path, claimants: Claimants) -> None:
    claimant = claimants.start("theirs", "exclusive")
    claimant.kill(with_child=True)
    wait_until(lambda: claim.holder(path) is None, 5, "the claim to end with its processes")
    claim.take(path, me(exclusive=True)).release()


def test_a_worker_that_outlives_its_arbiter_still_claims(path: Path, claimants: Claimants) -> None:
    claimant = claimants.start("theirs", "exclusive")
    claimant.kill(with_child=False)
    seen = claim.holder(path)
    assert seen is not None
    assert seen.boot_id == "theirs"


def test_a_claim_waits_a_moment_for_the_last_one_to_end(path: Path) -> None:
    earlier = claim.take(path, me(exclusive=True, boot_id="earlier"))
    attempts = iter([None, earlier.release])

    class Impatient(Deadline):
        def nap(self, *_bounds: float) -> None:
            action = next(attempts)
            if action:
                action()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claim, "Deadline", Impatient)
        claim.take(path, me(exclusive=True), patience=60).release()


def test_a_claim_in_a_torn_file_still_stands(path: Path) -> None:
    with claim.take(path, me(exclusive=True)):
        path.with_name("fallback.db.claim").write_text('{"boot_')
        assert claim.holder(path) == claim.NOBODY_KNOWN


def test_a_directory_without_write_permission_is_told(tmp_path: Path) -> None:
    with pytest.raises(CannotWriteError, match="cannot be written"):
        claim.take(tmp_path / "missing" / "edgepaas.db", me(exclusive=False))
