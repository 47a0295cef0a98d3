"""An environment held against the contract: values, origins, and every problem at once."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boot.contract import Contract, Resolution, default_root, load
from boot.contract_problem import Problem
from boot.contract_report import block, log_lines, summary
from boot.contract_variable import FILE_SUFFIX

CONTRACT = load(default_root())
CANARY = "c4n4ry-s3cr3t"
WRONG = {
    "ENVIRONMENT": "prod",
    "SLOT": "purple",
    "EDGEPAAS_REPLICAS": "none",
    "EDGEPAAS_DATA_DIR": "data",
    "PORT": "70000",
    "EDGEPAAS_BIND": "localhost",
    "WEB_CONCURRENCY": "0",
    "EDGEPAAS_APP": "app/main.py",
    "EDGEPAAS_WEB_TIMEOUT": "1.5",
    "EDGEPAAS_WEB_KEEPALIVE": "-1",
    "EDGEPAAS_WEB_MAX_REQUESTS": "many",
    "EDGEPAAS_WEB_PRELOAD": "perhaps",
    "EDGEPAAS_FORWARDED_ALLOW_IPS": "10.0.0.1/8",
    "EDGEPAAS_TRUST_ALL_PROXIES": "maybe",
    "EDGEPAAS_METRICS_PORT": "tcp://10.0.0.1:9464",
    "EDGEPAAS_METRICS_BIND": "all",
    "EDGEPAAS_METRICS_TOKEN": "short",
    "DATABASE_URL": f"mysql://user:{CANARY}@host/db",
    "EDGEPAAS_DB_MODE": "mysql",
    "EDGEPAAS_DB_WAIT_TIMEOUT": "30s",
    "EDGEPAAS_DB_FALLBACK": "perhaps",
    "EDGEPAAS_DB_RETURN": "later",
    "EDGEPAAS_DB_EPHEMERAL": "perhaps",
    "EDGEPAAS_MIGRATE": "always",
    "EDGEPAAS_MIGRATION_CONTRACT": "maybe",
    "EDGEPAAS_MIGRATION_DATABASE_URL": CANARY,
    "EDGEPAAS_MIGRATION_LOCK_TIMEOUT": "inf",
    "EDGEPAAS_MIGRATION_TIMEOUT": "0",
    "EDGEPAAS_SCHEMA_METADATA": "Base.metadata",
    "EDGEPAAS_SCHEMA_MIGRATIONS": "app:../migrations",
    "EDGEPAAS_STOP_TIMEOUT": "1e3",
    "EDGEPAAS_DRAIN_DELAY": "\u0663",
    "EDGEPAAS_ON_FAILURE": "retry",
    "LOG_LEVEL": "loud",
    "LOG_FORMAT": "yaml",
    "EDGEPAAS_ACCESS_LOG": "perhaps",
    "EDGEPAAS_ACCESS_LOG_SAMPLE": "101",
    "EDGEPAAS_ACCESS_LOG_SKIP": "health",
    "EDGEPAAS_ALERT_URLS": "hooks.example.org",
    "EDGEPAAS_ALERT_COOLDOWN": "-1",
    "EDGEPAAS_ALERT_UNREADY_AFTER": "0",
    "EDGEPAAS_ALERT_DISK_PERCENT": "101",
    "TZ": "Europe/Berln",
}

# What an environment can hold: any bytes but NUL, as os.environ shows them.
hostile = st.binary(min_size=1, max_size=200).filter(lambda raw: b"\0" not in raw).map(os.fsdecode)


def resolve(**environ: str) -> Resolution:
    return CONTRACT.resolve(environ)


def only_problem(**environ: str) -> Problem:
    (problem,) = resolve(**environ).problems
    return problem


def test_nothing_set_is_fine_and_gives_the_defaults() -> None:
    result = resolve()
    assert result.problems == []
    assert result.values["PORT"] == "8000"
    assert set(result.origins.values()) == {"default"}
    assert "DATABASE_URL" not in result.values


def test_every_default_is_accepted_by_its_own_type() -> None:
    assert list(CONTRACT.faulty_defaults(CONTRACT.variables)) == []


def test_every_example_is_accepted_in_one_environment() -> None:
    examples = {each.name: each.example for each in CONTRACT.settable}
    assert all(examples.values())
    assert CONTRACT.resolve(examples).problems == []


@pytest.mark.parametrize("name", [each.name for each in CONTRACT.settable])
def test_an_empty_value_counts_as_unset(name: str) -> None:
    assert resolve(**{name: "", name + FILE_SUFFIX: ""}) == resolve()


def test_every_variable_wrong_at_once_is_one_report_that_names_them_all() -> None:
    assert WRONG.keys() == {each.name for each in CONTRACT.settable}
    result = CONTRACT.resolve(WRONG)
    assert {problem.variable for problem in result.problems} == WRONG.keys()
    assert len(result.problems) == len(WRONG)
    assert result.values == {}
    report = block(result.problems)
    assert all(f"\n{name} " in report for name in WRONG)


def test_a_report_never_shows_a_secret() -> None:
    result = CONTRACT.resolve(WRONG)
    lines = [*log_lines(result.problems, "json"), *log_lines(result.problems, "text")]
    assert CANARY not in "\n".join([*lines, repr(result.problems)])


def test_a_url_in_the_wrong_variable_is_shown_without_its_password() -> None:
    padding = "x" * 40
    problem = only_problem(EDGEPAAS_APP=f"postgresql://user:{CANARY}{padding}@host/db")
    assert "postgresql://user:***@host/db" in problem.what
    assert CANARY not in repr(problem)


def test_the_value_of_a_misspelt_name_is_not_shown() -> None:
    assert CANARY not in repr(only_problem(EDGEPAAS_METRICS_TOKENS=CANARY))


def test_a_long_value_is_cut() -> None:
    problem = only_problem(LOG_LEVEL="x" * 100_000)
    assert "(100000 characters)" in problem.what
    assert len(problem.what) < 300


@pytest.mark.parametrize("name", ["PORT", "TZ", "EDGEPAAS_APP", "EDGEPAAS_BIND", "LOG_LEVEL"])
def test_any_bytes_make_a_report_that_can_be_printed(name: str) -> None:
    for raw in (b"\xff\xfe", b"line\nbreak", b"\x1b[31m", "\u2028".encode()):
        (line,) = log_lines([only_problem(**{name: os.fsdecode(raw)})], "text")
        assert os.fsdecode(raw) not in line
        line.encode()


def test_a_name_of_any_bytes_makes_a_report_that_can_be_printed() -> None:
    name = os.fsdecode(b"EDGEPAAS_\xff\nPORT")
    report = block(resolve(**{name: "1"}).problems)
    report.encode()
    assert r"EDGEPAAS_\udcff\nPORT" in report


@given(hostile.filter(lambda value: len(value) >= 8))
def test_text_passes_through_byte_for_byte(value: str) -> None:
    environ = {"EDGEPAAS_METRICS_TOKEN": value}
    assert CONTRACT.resolve(environ).values["EDGEPAAS_METRICS_TOKEN"] == value


@given(st.sampled_from(sorted(WRONG)), hostile)
def test_nothing_in_a_variable_raises(name: str, value: str) -> None:
    result = CONTRACT.resolve({name: value})
    assert (name in result.values) is not any(p.variable == name for p in result.problems)
    CONTRACT.lenient({name: value}, name)


@given(st.sampled_from(sorted(WRONG)), hostile)
def test_a_value_in_its_normal_spelling_stays_as_it_is(name: str, value: str) -> None:
    once = CONTRACT.lenient({name: value}, name)
    assert CONTRACT.lenient({name: once}, name) == once


@given(st.dictionaries(hostile.filter(lambda name: "=" not in name), hostile, max_size=8))
def test_no_environment_raises(environ: dict[str, str]) -> None:
    block(CONTRACT.resolve(environ).problems).encode()


def test_a_problem_says_what_to_set_so_that_it_can_be_copied() -> None:
    problem = only_problem(ENVIRONMENT="prod")
    assert problem.fix == "-e ENVIRONMENT=production"
    assert problem.see == "docs/environment.md#environment"


def test_what_to_set_is_quoted_for_the_shell() -> None:
    assert only_problem(EDGEPAAS_FORWARDED_ALLOW_IPS="*").fix.isprintable()
    many = [Problem("A" * 5 + str(n), "", "", "") for n in range(20)]
    assert summary(many).endswith("and 8 more")


# --- misspelt names


@pytest.mark.parametrize(
    ("misspelt", "right"),
    [
        ("EDGEPAAS_DB_WAIT_TIMOUT", "EDGEPAAS_DB_WAIT_TIMEOUT"),
        ("EDGEPAAS_PORT", "PORT"),
        ("EDGEPAAS_METRICS_TOKENS", "EDGEPAAS_METRICS_TOKEN"),
        ("EDGEPAAS_METRIC_TOKEN_FILE", "EDGEPAAS_METRICS_TOKEN_FILE"),
        ("WEB_CONCURENCY", "WEB_CONCURRENCY"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("DATABSAE_URL", "DATABASE_URL"),
        ("LOG_FROMAT", "LOG_FORMAT"),
    ],
)
def test_a_misspelt_name_is_told_with_the_nearest(misspelt: str, right: str) -> None:
    problem = only_problem(**{misspelt: "1"})
    assert problem.variable == misspelt
    assert f"did you mean {right}?" in problem.what


def test_a_neighbour_of_a_standard_name_is_left_alone_where_that_one_is_set() -> None:
    assert resolve(DATABASE_URL="sqlite:////data/a.db", DATABASE_URI="x").problems == []


@pytest.mark.parametrize("name", ["PORTS", "SORT", "PATH", "LOGLEVEL_OF_MINE", "TZDIR", "PS1"])
def test_names_of_others_are_left_alone(name: str) -> None:
    assert resolve(**{name: "1"}).problems == []


def test_an_unknown_name_near_to_nothing_is_told_without_a_guess() -> None:
    assert only_problem(EDGEPAAS_XQZ="1").what == "is not known"


def test_what_kubernetes_sets_for_a_service_named_like_us_is_no_misspelling() -> None:
    links = {
        "EDGEPAAS_SERVICE_HOST": "10.0.0.1",
        "EDGEPAAS_SERVICE_PORT": "80",
        "EDGEPAAS_SERVICE_PORT_HTTP": "80",
        "EDGEPAAS_PORT": "tcp://10.0.0.1:80",
        "EDGEPAAS_BLUE_PORT": "tcp://10.0.0.1:80",
        "EDGEPAAS_PORT_80_TCP": "tcp://10.0.0.1:80",
        "EDGEPAAS_PORT_80_TCP_ADDR": "10.0.0.1",
    }
    assert CONTRACT.resolve(links).problems == []


def test_a_variable_kubernetes_overwrote_is_told_as_that() -> None:
    assert "enableServiceLinks" in only_problem(EDGEPAAS_METRICS_PORT="tcp://10.0.0.1:80").what


def test_what_the_container_sets_itself_is_known() -> None:
    internal = {each.name: "x" for each in CONTRACT.variables.values() if each.internal}
    assert CONTRACT.resolve(internal) == resolve()


def test_only_secrets_are_read_from_files() -> None:
    assert "only secrets" in only_problem(EDGEPAAS_BIND_FILE="/run/x").what
    assert resolve(PORT_FILE="/run/x").problems == []


# --- secrets from files


def test_a_secret_comes_from_the_file_its_twin_names(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(b"first line\nsecond \xff\n")
    result = resolve(EDGEPAAS_METRICS_TOKEN_FILE=str(file))
    assert os.fsencode(result.values["EDGEPAAS_METRICS_TOKEN"]) == b"first line\nsecond \xff"
    assert result.origins["EDGEPAAS_METRICS_TOKEN"] == "file"


def test_a_wrong_secret_from_a_file_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(CANARY, encoding="utf-8")
    problem = only_problem(DATABASE_URL_FILE=str(file))
    assert problem.variable == "DATABASE_URL"
    assert CANARY not in repr(problem)


def test_both_a_secret_and_its_file_are_an_error(tmp_path: Path) -> None:
    problem = only_problem(DATABASE_URL="sqlite:////data/a.db", DATABASE_URL_FILE=str(tmp_path))
    assert "both set" in problem.what


def test_a_missing_secret_file_is_told_with_the_other_problems(tmp_path: Path) -> None:
    result = resolve(
        PORT="0", DATABASE_URL_FILE=str(tmp_path / "none"), EDGEPAAS_DB_MODE="postgres"
    )
    assert [p.variable for p in result.problems] == ["PORT", "DATABASE_URL_FILE"]


# --- leniently, for PID 1


def test_leniently_a_wrong_value_counts_as_its_default() -> None:
    assert CONTRACT.lenient({"PORT": "abc"}, "PORT") == "8000"
    assert CONTRACT.lenient({"PORT": "81"}, "PORT") == "81"
    assert CONTRACT.lenient({}, "EDGEPAAS_RUN_DIR") == "/run/edgepaas"
    assert CONTRACT.lenient({}, "DATABASE_URL") == ""
    assert CONTRACT.lenient({}, "NO_SUCH_VARIABLE") == ""


def test_leniently_too_a_default_differs_by_environment() -> None:
    assert CONTRACT.lenient({}, "EDGEPAAS_DB_FALLBACK") == "allow"
    production = {"ENVIRONMENT": "production", "EDGEPAAS_DB_FALLBACK": "?"}
    assert CONTRACT.lenient(production, "EDGEPAAS_DB_FALLBACK") == "deny"


def test_leniently_a_secret_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("12345678\n", encoding="ascii")
    name = "EDGEPAAS_METRICS_TOKEN"
    assert CONTRACT.lenient({name + FILE_SUFFIX: str(file)}, name) == "12345678"
    assert CONTRACT.lenient({name + FILE_SUFFIX: str(tmp_path)}, name) == ""


def test_secret_values_are_those_no_output_may_show(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from a file", encoding="ascii")
    environ = {
        "DATABASE_URL": "garbage, still secret",
        "EDGEPAAS_METRICS_TOKEN_FILE": str(file),
        "PORT": "81",
    }
    assert sorted(CONTRACT.secret_values(environ)) == ["from a file", "garbage, still secret"]


def test_the_root_is_where_the_package_stands_unless_it_is_told() -> None:
    assert (default_root({}) / "opt/edgepaas/boot/contract.py").is_file()
    assert default_root({"EDGEPAAS_ROOT": "/elsewhere"}) == Path("/elsewhere")


def test_a_contract_without_some_of_our_variables_still_resolves() -> None:
    few = Contract([CONTRACT.variables[name] for name in ("PORT", "TZ")], {})
    assert few.resolve({"PORT": "8001"}).values == {"PORT": "8001", "TZ": "UTC"}
