"""What must hold between variables."""

from collections.abc import Callable

import pytest

from boot import contract_rules
from boot.contract import default_root, load
from boot.contract_problem import Problem

CONTRACT = load(default_root())
POSTGRES = "postgresql://user:password@host/db"


@pytest.fixture
def lowest_port(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets what this process may listen on."""
    return lambda port: monkeypatch.setattr(contract_rules, "lowest_port", lambda: port)


def problems(**environ: str) -> list[Problem]:
    return CONTRACT.resolve(environ).problems


def only_problem(**environ: str) -> Problem:
    (problem,) = problems(**environ)
    return problem


def test_production_without_a_named_database_is_refused() -> None:
    problem = only_problem(ENVIRONMENT="production")
    assert problem.variable == "DATABASE_URL"
    assert "EDGEPAAS_DB_MODE=sqlite" in problem.what
    assert problem.fix.startswith("-e DATABASE_URL=postgresql://")


@pytest.mark.parametrize("environment", ["development", "staging"])
def test_elsewhere_it_is_not(environment: str) -> None:
    assert problems(ENVIRONMENT=environment) == []


@pytest.mark.parametrize(
    "named",
    [{"DATABASE_URL": POSTGRES}, {"EDGEPAAS_DB_MODE": "sqlite"}, {"EDGEPAAS_DB_MODE": "auto"}],
)
def test_production_with_a_url_or_a_mode_starts(named: dict[str, str]) -> None:
    assert problems(ENVIRONMENT="production", **named) == []


def test_mode_postgres_needs_a_url() -> None:
    assert "EDGEPAAS_DB_MODE=postgres needs it" in only_problem(EDGEPAAS_DB_MODE="postgres").what


def test_mode_postgres_and_an_sqlite_url_contradict_each_other() -> None:
    problem = only_problem(EDGEPAAS_DB_MODE="postgres", DATABASE_URL="sqlite:////data/a.db")
    assert problem.fix == "-e EDGEPAAS_DB_MODE=sqlite"


def test_a_wrong_url_is_told_once_not_as_a_missing_one_too() -> None:
    assert only_problem(ENVIRONMENT="production", DATABASE_URL="?").variable == "DATABASE_URL"


def test_the_drain_delay_must_fit_the_stop_budget() -> None:
    problem = only_problem(EDGEPAAS_DRAIN_DELAY="9")
    assert problem.variable == "EDGEPAAS_DRAIN_DELAY"
    assert problem.fix == "-e EDGEPAAS_STOP_TIMEOUT=11.5"


def test_what_is_advised_for_the_stop_budget_is_accepted() -> None:
    assert problems(EDGEPAAS_DRAIN_DELAY="9", EDGEPAAS_STOP_TIMEOUT="11.5") == []


def test_the_two_ports_must_differ() -> None:
    problem = only_problem(PORT="9464")
    assert problem.variable == "EDGEPAAS_METRICS_PORT"
    assert problem.fix == "-e EDGEPAAS_METRICS_PORT=9465"


def test_a_privileged_port_is_refused_with_what_to_publish(
    lowest_port: Callable[[int], None],
) -> None:
    lowest_port(1024)
    problem = only_problem(PORT="80")
    assert "-p 80:8080" in problem.what
    assert problem.fix == "-e PORT=8080"


def test_a_low_port_is_fine_where_the_kernel_allows_it(lowest_port: Callable[[int], None]) -> None:
    lowest_port(0)
    assert problems(PORT="80", EDGEPAAS_METRICS_PORT="81") == []


def test_the_lowest_port_is_one_this_process_may_really_take() -> None:
    assert 0 <= contract_rules.lowest_port() <= 1024


def test_trusting_every_proxy_must_be_confirmed() -> None:
    assert only_problem(EDGEPAAS_FORWARDED_ALLOW_IPS="*").fix.endswith("=10.0.0.0/8")
    assert problems(EDGEPAAS_FORWARDED_ALLOW_IPS="*", EDGEPAAS_TRUST_ALL_PROXIES="yes") == []
