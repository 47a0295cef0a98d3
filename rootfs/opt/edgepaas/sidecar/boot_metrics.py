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
    """Yield what the boot report and the drain tell."""
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
    yield build(report, settings)


def units(report: dict[str, Any]) -> Iterator[Metric]:
    """Yield beginning, duration, state, attempts and restarts of each unit."""
    began = GaugeMetricFamily(
        "edgepaas_boot_unit_began_seconds",
        "Seconds from the start of PID 1 until the unit began.",
        labels=["unit"],
    )
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
        if unit["start"] is not None:
            began.add_metric([unit["name"]], unit["start"])
        if unit["duration"] is not None:
            seconds.add_metric([unit["name"]], unit["duration"])
        state.add_metric([unit["name"], unit["state"]], 1)
        attempts.add_metric([unit["name"]], unit["attempts"])
        restarts.add_metric([unit["name"]], unit["restarts"])
    yield from (began, seconds, state, attempts, restarts)


def build(report: dict[str, Any], settings: Settings) -> Metric:
    """Return which image this is, in which slot."""
    names = {"version": "EDGEPAAS_VERSION", "build": "EDGEPAAS_BUILD_ID", "slot": "SLOT"}
    labels = {label: settings.value(name) for label, name in names.items()}
    return InfoMetricFamily(
        "edgepaas_build",
        "The image and the slot it runs in.",
        {**labels, "boot": str(report.get("boot_id", ""))},
    )
