"""Each row of docs/database.md's decision table, with a real PostgreSQL that does what it says."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from itertools import cycle, product
from pathlib import Path

import psycopg2
import pytest

from boot.contract import load
from boot.exit_status import ExitStatus
from tests.support import decision_table
from tests.support.decision_table import Case
from tests.support.mounts import mounts_of
from tests.support.oneshot import APPS, LAYER, Container, ended
from tests.support.postgres import PostgresServer
from tests.support.wait import wait_until

NewServer = Callable[..., PostgresServer]
CONTRACT = load(LAYER.parents[1])
ENVIRONMENTS = ("development", "staging", "production")
POSTGRES = "PostgreSQL"
MAIN = (
    "import sys; from pathlib import Path; from boot.database import volume; "
    "volume.MOUNTINFO = Path(sys.argv[1]); from boot.oneshots.db_wait import main; "
    "sys.exit(main(shell_file=Path('db_env.sh')))"
)
pytestmark = pytest.mark.postgres


def _directories(directory: Path) -> dict[str, str]:
    return {
        "EDGEPAAS_RUN_DIR": str(directory / "run"),
        "EDGEPAAS_DATA_DIR": str(directory / "data"),
    }


class Run:
    """One db-wait, started in an environment that went through the contract as in env-check."""

    def __init__(self, directory: Path, given: dict[str, str]) -> None:
        directory.mkdir()
        # What env-check refuses never reaches db-wait; here it does, with nothing to decide from.
        resolved = CONTRACT.resolve({**given, **_directories(directory)})
        self.refused = bool(resolved.problems)
        self.container = Container(directory, APPS, **resolved.values)
        mounts = directory / "mountinfo"
        mounts.write_text(mounts_of(directory, "ext4"))
        self.process = self.container.start("-c", MAIN, str(mounts))

    def was_refused(self) -> bool:
        """Wait until one attempt has failed; False where it ended before."""
        assert self.process.stdout is not None
        return any("attempt 1: refused" in line for line in self.process.stdout)

    def told(self) -> str:
        """Wait for the end; return what followed in the table's words."""
        status, _ = ended(self.process)
        if self.refused:
            return f"ends with {ExitStatus.CONFIG:d}"
        if status:
            return f"ends with {status}"
        exported = self.container.exported()
        if exported["EDGEPAAS_DB_BACKEND"] == "postgres":
            return "PostgreSQL"
        fallback = exported["EDGEPAAS_DB_FALLBACK_ACTIVE"] == "1"
        file = exported["DATABASE_URL"].removeprefix("sqlite:///")
        shown = file.replace(str(self.container.data), "/data")
        shown = "the file it names" if shown.endswith("own.db") else shown
        return f"{'fallback' if fallback else 'embedded'}: {shown}"


NewRun = Callable[..., Run]


@pytest.fixture
def state(request: pytest.FixtureRequest, new_postgres_server: NewServer) -> "State":
    """A PostgreSQL that does what the parameter says."""
    return State(str(request.param), new_postgres_server)


@pytest.fixture
def new_run(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """A factory of started runs; keywords are what the operator sets."""
    runs: list[Run] = []

    def new(**given: str) -> Run:
        runs.append(Run(tmp_path / str(len(runs)), given))
        return runs[-1]

    yield new
    for run in runs:
        run.process.kill()
        run.process.communicate()


class State:
    """A server in one of the table's states. `url` names it; call `runs_began` for `late`."""

    def __init__(self, name: str, new_server: NewServer) -> None:
        self.name = name
        settings = {"hot_standby": "off"} if name == "starting" else {}
        self.server = new_server(max_connections="100", **settings)
        if name == "starting":
            (self.server.data / "standby.signal").touch()
            self.server.launch()
            wait_until(self._is_starting, 20, "the server to say that it starts")
        elif name in {"up", "refusing"}:
            self.server.start()

    @property
    def url(self) -> str:
        return self.server.url(password="wrong" if self.name == "refusing" else "super-secret")

    def variables(self, kind: str) -> dict[str, str]:
        """Return what the operator sets to name no database, SQLite, or this PostgreSQL."""
        urls = {"SQLite": "sqlite:///own.db", POSTGRES: self.url}
        waiting = {"EDGEPAAS_DB_WAIT_TIMEOUT": {"down": "1", "starting": "8"}.get(self.name, "60")}
        return {**waiting, **({"DATABASE_URL": urls[kind]} if kind in urls else {})}

    def began(self, runs: Iterable[Run]) -> None:
        """Let a late server start, once each run that asks it was refused once."""
        if self.name == "late":
            for run in runs:
                assert run.was_refused()
            self.server.start()

    def _is_starting(self) -> bool:
        with suppress(psycopg2.OperationalError), closing(self.server.connect()):
            return False
        return self.server.running and "FATAL" in self.server.log.read_text()


@pytest.mark.parametrize("state", decision_table.STATES, indirect=True)
def test_each_case_is_decided_as_documented(state: State, new_run: NewRun) -> None:
    documented = decision_table.cases()
    cases = [case for case in documented if case.state == state.name]
    runs = {
        case: new_run(
            **state.variables(case.url),
            ENVIRONMENT=environment,
            EDGEPAAS_DB_MODE=case.mode,
            EDGEPAAS_DB_FALLBACK=case.policy,
        )
        for case, environment in zip(cases, cycle(ENVIRONMENTS), strict=False)
    }
    state.began(run for case, run in runs.items() if case.url == POSTGRES and case.mode != "sqlite")
    assert {case: run.told() for case, run in runs.items()} == {c: documented[c] for c in cases}


@pytest.mark.parametrize("state", decision_table.STATES, indirect=True)
def test_each_environments_defaults_are_decided_as_documented(
    state: State, new_run: NewRun
) -> None:
    documented = decision_table.cases()
    runs: dict[tuple[str, str], Run] = {}
    expected: dict[tuple[str, str], str] = {}
    for environment, url in product(ENVIRONMENTS, decision_table.URLS):
        runs[environment, url] = new_run(**state.variables(url), ENVIRONMENT=environment)
        mode, policy = ("postgres", "deny") if environment == "production" else ("auto", "allow")
        expected[environment, url] = documented[Case(mode, url, state.name, policy)]
    state.began(run for (_, url), run in runs.items() if url == POSTGRES)
    assert {key: run.told() for key, run in runs.items()} == expected
