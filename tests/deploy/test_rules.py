"""deploy/prometheus: what promtool says of it, and whether it asks for what there is."""

import re

import pytest
import yaml

from tests.support.pages import ROOT, headings, read, rows
from tests.support.prometheus import (
    DIRECTORY,
    OURS,
    SUFFIXES,
    promtool,
    queries,
    rules,
)

RULE_TESTS = DIRECTORY / "tests/alerts.yml"
ALERTS = {rule["alert"]: rule for rule in rules("alert")}
RECORDED = {rule["record"] for rule in rules("record")}
METRICS = {row[0].strip("`") for row in rows(read("docs/metrics.md")) if row[0].startswith("`")}


def named(expression: str) -> set[str]:
    """Return the metrics of ours and the recording rules an expression names."""
    return set(OURS.findall(expression)) - RECORDED


def unknown(expression: str) -> set[str]:
    """Return what an expression names that docs/metrics.md does not have."""
    whole = {name for name in named(expression) if name not in METRICS}
    return {name for name in whole if name.removesuffix(_suffix(name)) not in METRICS}


def _suffix(name: str) -> str:
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")


@pytest.mark.parametrize("arguments", ["check config prometheus.yml", "check rules"])
def test_promtool_finds_nothing_wrong(arguments: str) -> None:
    files = [f"rules/{path.name}" for path in (DIRECTORY / "rules").glob("*.yml")]
    done = promtool(*arguments.split(), *(files if "rules" in arguments else ()))
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_when_it_should_and_not_before() -> None:
    done = promtool("test", "rules", "tests/alerts.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_alert_and_no_recording_rule_is_without_a_test() -> None:
    text = RULE_TESTS.read_text()
    firing = set(re.findall(r'ALERTS\{alertname="(\w+)",alertstate="firing"', text))
    assert firing == set(ALERTS)
    tested = set(re.findall(r"\b[a-z]+:edgepaas_[a-z0-9_]+:[a-z0-9_]+", text))
    used_by_alerts = {name for rule in ALERTS.values() for name in OURS.findall(rule["expr"])}
    assert tested | used_by_alerts >= RECORDED


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_an_alert_says_what_is_wrong_and_has_its_heading(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"].keys() == {"summary", "description"}
    assert alert in headings(read("docs/monitoring.md"))


def test_no_heading_is_left_of_an_alert_that_is_gone() -> None:
    described = {each for each in headings(read("docs/monitoring.md")) if each[:8] == "Edgepaas"}
    assert described == set(ALERTS)


def test_rules_ask_for_metrics_that_there_are() -> None:
    for rule in [*rules("alert"), *rules("record")]:
        assert not unknown(rule["expr"]), rule


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    for where, query in queries().items():
        assert not unknown(query), where


def test_a_metric_that_is_not_there_would_be_found() -> None:
    assert unknown("rate(edgepaas_http_requests_totals[5m]) > edgepaas_readi") == {
        "edgepaas_http_requests_totals",
        "edgepaas_readi",
    }
    assert not unknown("sum(edgepaas_http_request_duration_seconds_bucket{le='1'})")


def test_the_rule_tests_stand_on_the_rules_that_are_shipped() -> None:
    files = yaml.safe_load(RULE_TESTS.read_text())["rule_files"]
    shipped = {path.name for path in (ROOT / "deploy/prometheus/rules").iterdir()}
    assert {name.rpartition("/")[2] for name in files} == shipped
