"""The boot report as metrics."""

from collections.abc import Iterator
from typing import Any

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)

from sidecar.settings import Settings


def collect(report: dict[str, Any], settings: Settings, *, draining: bool) -> Iterator[Metric]:
    """Yield what the boot report, the drain and the database decision tell."""
    yield from units(report)
    if report["ready_seconds"] is not None:
        yield GaugeMetricFamily(
            "edgepaas_boot_ready_seconds",
            "Seconds from the start of PID 1 until every unit was ready.",
            report["ready_seconds"],
        )
    phase = GaugeMetricFamily("edgepaas_phase", "1 for the phase it is in.", labels=["phase"])
    phase.add_metric([report["phase"]], 1)
    yield phase
    yield GaugeMetricFamily(
        "edgepaas_draining", "1 while requests should go elsewhere.", float(draining)
    )
    yield from database(settings)
    yield build(report, settings)


def units(report: dict[str, Any]) -> Iterator[Metric]:
    """Yield duration, state, attempts and restarts of each unit."""
    seconds = GaugeMetricFamily(
        "edgepaas_boot_unit_seconds", "Seconds until the unit was done or ready.", labels=["unit"]
    )
    state = GaugeMetricFamily(
        "edgepaas_unit_state", "1 for the state the unit is in.", labels=["unit", "state"]
    )
    attempts = GaugeMetricFamily(
        "edgepaas_boot_unit_attempts", "Times the unit was started.", labels=["unit"]
    )
    restarts = CounterMetricFamily(
        "edgepaas_unit_restarts", "Times the unit was started again.", labels=["unit"]
    )
    for unit in report["units"]:
        if unit["duration"] is not None:
            seconds.add_metric([unit["name"]], unit["duration"])
        state.add_metric([unit["name"], unit["state"]], 1)
        attempts.add_metric([unit["name"]], unit["attempts"])
        restarts.add_metric([unit["name"]], unit["restarts"])
    yield from (seconds, state, attempts, restarts)


def database(settings: Settings) -> Iterator[Metric]:
    """Yield the database decision, once it is made."""
    backend = settings.value("EDGEPAAS_DB_BACKEND")
    if not backend:
        return
    decided = GaugeMetricFamily(
        "edgepaas_db_backend",
        "1 for the database that serves, with the reason for the choice.",
        labels=["backend", "reason"],
    )
    decided.add_metric([backend, settings.value("EDGEPAAS_DB_REASON")], 1)
    yield decided
    yield GaugeMetricFamily(
        "edgepaas_db_fallback_active",
        "1 while SQLite stands in for an unreachable PostgreSQL.",
        float(settings.value("EDGEPAAS_DB_FALLBACK_ACTIVE") == "1"),
    )


def build(report: dict[str, Any], settings: Settings) -> Metric:
    """Return which image this is, in which slot."""
    names = {"version": "EDGEPAAS_VERSION", "build": "EDGEPAAS_BUILD_ID", "slot": "SLOT"}
    labels = {label: settings.value(name) for label, name in names.items()}
    return InfoMetricFamily(
        "edgepaas_build",
        "The image and the slot it runs in.",
        {**labels, "boot": str(report.get("boot_id", ""))},
    )
