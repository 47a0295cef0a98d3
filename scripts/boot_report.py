"""The boot report of a running service, fetched and told to a person. Imports nothing of ours."""

from __future__ import annotations

import json
import math
import urllib.request
from http import HTTPStatus
from typing import Any

HTTP_SECONDS = 2
FINISHED = {"ready", "done", "failed", "skipped"}
UNDER_WAY = {"starting", "running", "restarting"}


def fetch(management_url: str) -> dict[str, Any] | None:
    """Return the live boot report; None while nobody answers."""
    try:
        with urllib.request.urlopen(f"{management_url}/boot", timeout=HTTP_SECONDS) as answer:
            report = json.load(answer)
    except (OSError, ValueError):
        return None
    return report if isinstance(report, dict) else None


def has_started(management_url: str) -> bool:
    """Tell whether /startupz is green."""
    try:
        with urllib.request.urlopen(f"{management_url}/startupz", timeout=HTTP_SECONDS) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def summary(report: dict[str, Any] | None) -> str:
    """Say in a few words how far the boot is."""
    if report is None:
        return "booting"
    units = report.get("units", [])
    finished = sum(unit["state"] in FINISHED for unit in units)
    current = [unit["name"] for unit in units if unit["state"] in UNDER_WAY]
    return f"booting: {finished} of {len(units)} units, now {', '.join(current) or 'between units'}"


def _began(unit: dict[str, Any]) -> float:
    """Return when a unit began, in seconds; those that did not come last."""
    return math.inf if unit["start"] is None else float(unit["start"])


def timeline(report: dict[str, Any]) -> list[str]:
    """Return the boot as lines of a table: unit, when it began, seconds, result."""
    rows = [("unit", "began", "took", "result")]
    units = sorted(report.get("units", []), key=_began)
    for unit in units:
        began = "" if unit["start"] is None else f"{unit['start']:.2f} s"
        took = "" if unit["duration"] is None else f"{unit['duration']:.2f} s"
        rows.append((unit["name"], began, took, unit["result"] or unit["state"]))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [
        f"  {name:<{widths[0]}}  {began:>{widths[1]}}  {took:>{widths[2]}}  {result}"
        for name, began, took, result in rows
    ]
