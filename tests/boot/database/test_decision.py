"""The decision, and its table in docs/database.md: each row a test."""

import math
from pathlib import Path

import pytest

from boot.database import decision
from boot.database.decision import Request
from boot.database.ground import Ground
from boot.database.outcome import POLICIES, Outcome, Verdict
from boot.database.url import DatabaseUrl, PostgresUrl, parse
from boot.database.volume import Volume
from boot.database.waiting import Waited
from boot.exit_status import ExitStatus
from tests.support import decision_table
from tests.support.decision_table import Case

POSTGRES = parse("postgresql://u:p@h/d")
SQLITE = parse("sqlite:////data/own.db")
DISK = Ground(Volume("ext4", ""))
OVERLAY = Ground(Volume("overlay", "is on overlay, which ends with the container"))
NFS = Ground(Volume("nfs4", "is on nfs4, which is not a local disk"))
IN_USE = DISK._replace(holder="boot 0123 on host other")
FULL = DISK._replace(unfit="/data has 3 KiB left")
UNREACHABLE = [verdict for verdict in Verdict if POLICIES[verdict].unreachable]
ANSWERED = [v for v in Verdict if not POLICIES[v].unreachable and v is not Verdict.OK]
REQUEST = Request("auto", POSTGRES, "development", "allow", 1, Path("/data"))


def waited(*verdicts: Verdict) -> Waited:
    return Waited(Outcome(verdicts[-1], "words"), len(verdicts), 30.0, frozenset(verdicts))


@pytest.mark.parametrize(
    ("mode", "environment", "url", "file"),
    [
        ("sqlite", "production", POSTGRES, "/data/edgepaas.db"),
        ("sqlite", "production", None, "/data/edgepaas.db"),
        ("sqlite", "development", SQLITE, "/data/own.db"),
        ("auto", "production", None, "/data/edgepaas.db"),
        ("auto", "development", None, "/data/edgepaas.db"),
        ("auto", "development", SQLITE, "/data/own.db"),
    ],
)
def test_sqlite_serves_without_a_look_at_postgresql(
    mode: str, environment: str, url: DatabaseUrl | None, file: str
) -> None:
    request = REQUEST._replace(mode=mode, environment=environment, url=url)
    decided = decision.without_asking(request)
    assert decided is not None
    assert decided.url == parse(f"sqlite:///{file}")
    assert (decided.backend, decided.fallback, decided.status) == ("sqlite", False, 0)


@pytest.mark.parametrize("mode", ["auto", "postgres"])
@pytest.mark.parametrize("environment", ["development", "staging", "production"])
def test_a_postgresql_url_is_asked(mode: str, environment: str) -> None:
    request = REQUEST._replace(mode=mode, environment=environment)
    assert decision.without_asking(request) is None
    decided = decision.after_asking(request, waited(Verdict.REFUSED, Verdict.OK), DISK)
    assert (decided.backend, decided.url, decided.fallback) == ("postgres", POSTGRES, False)


@pytest.mark.parametrize(
    ("mode", "environment", "url"),
    [
        ("postgres", "development", None),
        ("postgres", "development", SQLITE),
        ("postgres", "production", None),
    ],
)
def test_postgresql_that_is_wanted_but_not_named_is_a_configuration_error(
    mode: str, environment: str, url: DatabaseUrl | None
) -> None:
    request = REQUEST._replace(mode=mode, environment=environment, url=url)
    decided = decision.without_asking(request)
    assert decided is not None
    assert decided.status is ExitStatus.CONFIG
    assert "EDGEPAAS_DB_MODE=sqlite" in decided.advice


@pytest.mark.parametrize("verdict", UNREACHABLE)
def test_unreachable_falls_back_to_a_file_of_its_own(verdict: Verdict) -> None:
    decided = decision.after_asking(REQUEST, waited(verdict), DISK)
    assert (decided.backend, decided.fallback) == ("sqlite", True)
    assert decided.url == parse("sqlite:////data/fallback.db")
    assert verdict in decided.reason


@pytest.mark.parametrize("verdict", ANSWERED)
def test_whoever_answered_is_never_fallen_back_from(verdict: Verdict) -> None:
    for fallback in ("allow", "accept-divergence"):
        request = REQUEST._replace(fallback=fallback)
        decided = decision.after_asking(request, waited(verdict), DISK)
        assert decided.url is None
        assert decided.status is POLICIES[verdict].status


def test_who_answered_once_is_not_unreachable() -> None:
    decided = decision.after_asking(REQUEST, waited(Verdict.STARTING, Verdict.REFUSED), DISK)
    assert decided.url is None
    assert decided.status is ExitStatus.TEMPORARY


@pytest.mark.parametrize(
    ("change", "ground", "named"),
    [
        ({"mode": "postgres"}, DISK, "EDGEPAAS_DB_MODE=postgres"),
        ({"fallback": "deny"}, DISK, "EDGEPAAS_DB_FALLBACK=deny"),
        ({"replicas": 3}, DISK, "EDGEPAAS_REPLICAS=3"),
        ({}, OVERLAY, "/data is on overlay"),
        ({}, IN_USE, "/data/fallback.db is in use by boot 0123"),
        ({}, FULL, "/data has 3 KiB left"),
        ({"fallback": "accept-divergence"}, NFS, "/data is on nfs4"),
        ({"fallback": "accept-divergence"}, IN_USE, "in use by boot 0123"),
        ({"fallback": "accept-divergence"}, FULL, "/data has 3 KiB left"),
    ],
)
def test_an_obstacle_forbids_the_fallback_and_is_named(
    change: dict[str, str | int], ground: Ground, named: str
) -> None:
    request = REQUEST._replace(**change)  # type: ignore[arg-type]  # a mixed table of fields
    decided = decision.after_asking(request, waited(Verdict.REFUSED), ground)
    assert decided.url is None
    assert decided.status is ExitStatus.UNREACHABLE
    assert named in decided.reason


def test_accepting_divergence_overrules_replicas_and_volume() -> None:
    request = REQUEST._replace(replicas=3, fallback="accept-divergence")
    assert decision.after_asking(request, waited(Verdict.REFUSED), OVERLAY).fallback


def test_every_obstacle_is_named_at_once() -> None:
    ground = OVERLAY._replace(holder="boot 0123", unfit="it is full")
    request = REQUEST._replace(replicas=3)
    reason = decision.after_asking(request, waited(Verdict.REFUSED), ground).reason
    for word in ("overlay", "EDGEPAAS_REPLICAS=3", "boot 0123", "it is full"):
        assert word in reason


def test_a_server_that_comes_and_goes_is_not_fallen_back_from() -> None:
    seen = waited(Verdict.REFUSED, Verdict.UNSTEADY, Verdict.REFUSED)
    decided = decision.after_asking(REQUEST, seen, DISK)
    assert (decided.url, decided.status) == (None, ExitStatus.TEMPORARY)
    assert decided.advice == POLICIES[Verdict.UNSTEADY].advice


def test_the_mode_postgres_never_falls_back_even_with_accepted_divergence() -> None:
    request = REQUEST._replace(mode="postgres", fallback="accept-divergence")
    assert decision.after_asking(request, waited(Verdict.REFUSED), DISK).url is None


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.STARTING, 75),
        (Verdict.TOO_MANY, 75),
        (Verdict.NO_PRIMARY, 75),
        (Verdict.AUTH, 77),
        (Verdict.MISSING, 77),
        (Verdict.NOT_POSTGRES, 78),
        (Verdict.TLS, 78),
        (Verdict.REFUSED, 69),
        (Verdict.DNS, 69),
    ],
)
def test_each_class_ends_with_its_status(verdict: Verdict, status: int) -> None:
    request = REQUEST._replace(mode="postgres")
    assert decision.after_asking(request, waited(verdict), DISK).status == status


SEEN = {
    "up": [Verdict.OK],
    "late": [Verdict.REFUSED, Verdict.UNSTEADY, Verdict.OK],
    "down": [Verdict.TIMED_OUT, Verdict.REFUSED],
    "starting": [Verdict.REFUSED, Verdict.STARTING],
    "refusing": [Verdict.AUTH],
}
URLS = {"not set": None, "SQLite": SQLITE, "PostgreSQL": POSTGRES}


def test_the_documented_table_speaks_of_every_case_once() -> None:
    sizes = map(len, (decision_table.MODES, URLS, SEEN, decision_table.POLICIES))
    assert len(decision_table.cases()) == math.prod(sizes)


@pytest.mark.parametrize("environment", ["development", "staging", "production"])
def test_the_code_decides_as_the_documented_table_says(environment: str) -> None:
    cases = decision_table.cases()
    assert {case: told(case, environment) for case in cases} == cases


def told(case: Case, environment: str) -> str:
    """Return what the code decides in that case, in the table's words."""
    request = Request(case.mode, URLS[case.url], environment, case.policy, 1, Path("/data"))
    decided = decision.without_asking(request)
    decided = decided or decision.after_asking(request, waited(*SEEN[case.state]), DISK)
    if decided.url is None:
        return f"ends with {int(decided.status)}"
    if isinstance(decided.url, PostgresUrl):
        return "PostgreSQL"
    file = "the file it names" if decided.url == SQLITE else str(decided.url.path)
    return f"{'fallback' if decided.fallback else 'embedded'}: {file}"


def test_the_documented_classes_are_the_codes() -> None:
    def word(*, holds: bool) -> str:
        return "yes" if holds else "no"

    documented = [[row[0], *row[2:]] for row in decision_table.rows("Class")]
    assert documented == [
        [verdict, word(holds=p.retry), word(holds=p.unreachable), str(int(p.status))]
        for verdict, p in POLICIES.items()
        if verdict is not Verdict.OK
    ]
