"""What PID 1 says about the container: the boot report and whether it drains."""

import json
import time
from pathlib import Path
from typing import Any

UNDER_WAY = {"starting", "running", "restarting"}


class Container:
    """Reads the files that PID 1 keeps under its run directory."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir

    def draining(self) -> bool:
        """Tell whether requests should go elsewhere."""
        return (self.run_dir / "draining").exists()

    def report(self) -> dict[str, Any]:
        """Return boot.json; an empty report where there is none yet."""
        try:
            report = json.loads((self.run_dir / "boot.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            report = {}
        return {"phase": "booting", "ready_seconds": None, "units": [], "events": [], **report}


def unit(report: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Return the report's entry of a unit, if it has one."""
    return next((each for each in report["units"] if each["name"] == name), None)


def units_under_way(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the units that are not done or ready yet, each with its elapsed seconds."""
    now = time.monotonic() - report.get("started_monotonic", 0.0)
    return [
        {
            "unit": each["name"],
            "state": each["state"],
            "elapsed_seconds": round(now - each["start"], 3) if each["start"] is not None else None,
            "deadline_seconds": each["timeout"],
            "attempt": each["attempts"],
            "status": each["status_text"],
        }
        for each in report["units"]
        if each["state"] in UNDER_WAY
    ]
