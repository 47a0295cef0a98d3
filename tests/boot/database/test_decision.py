"""The decision table: each row a test."""

from pathlib import Path

import pytest

from boot.database import decision
from boot.database.decision import Request
from boot.database.outcome import POLICIES, Outcome, Verdict
from boot.database.url import DatabaseUrl, parse
from boot.database.volume import Volume
from boot.database.waiting import Waited
from boot.exit_status import ExitStatus

POSTGRES = parse("postgresql://u:p@h/d")
SQLITE = parse("sqlite:////data/own.db")
DISK = Volume("ext4", "")
OVERLAY = Volume("overlay", "is on overlay, which ends with the container")
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
        ("", "development", None, "/data/edgepaas.db"),
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


@pytest.mark.parametrize("mode", ["auto", "postgres", ""])
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
        ("", "production", None),
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
    ("change", "volume", "named"),
    [
        ({"mode": "postgres"}, DISK, "EDGEPAAS_DB_MODE=postgres"),
        ({"mode": "", "environment": "production"}, DISK, "EDGEPAAS_DB_MODE=postgres"),
        ({"fallback": "deny"}, DISK, "EDGEPAAS_DB_FALLBACK=deny"),
        ({"fallback": "", "environment": "production"}, DISK, "EDGEPAAS_DB_FALLBACK=deny"),
        ({"replicas": 3}, DISK, "EDGEPAAS_REPLICAS=3"),
        ({}, OVERLAY, "/data is on overlay"),
    ],
)
def test_an_obstacle_forbids_the_fallback_and_is_named(
    change: dict[str, str | int], volume: Volume, named: str
) -> None:
    request = REQUEST._replace(**change)  # type: ignore[arg-type]  # a mixed table of fields
    decided = decision.after_asking(request, waited(Verdict.REFUSED), volume)
    assert decided.url is None
    assert decided.status is ExitStatus.UNREACHABLE
    assert named in decided.reason


def test_accepting_divergence_overrules_replicas_and_volume() -> None:
    request = REQUEST._replace(replicas=3, fallback="accept-divergence")
    assert decision.after_asking(request, waited(Verdict.REFUSED), OVERLAY).fallback


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
