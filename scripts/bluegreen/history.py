"""What was deployed when and how it went: a line of JSON for each, only ever appended."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from scripts.bluegreen.state import Operation


def now() -> str:
    """Return this moment as text, in UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


class History:
    """The file history.jsonl."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "history.jsonl"

    def append(self, operation: Operation, outcome: str, reason: str = "") -> None:
        """Add how an operation ended; once, though its end may be recorded twice."""
        if any(entry["id"] == operation.id for entry in self.entries()[-1:]):
            return
        release = asdict(operation.release)
        line = {
            "id": operation.id,
            "word": operation.word,
            "outcome": outcome,
            "slot": operation.slot,
            "before": operation.before,
            **release,
            "began": operation.began,
            "ended": now(),
            "reason": reason.splitlines()[0] if reason else "",
        }
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, json.dumps(line).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def entries(self) -> list[dict[str, Any]]:
        """Return all entries, oldest first; a line cut short by a crash is passed over."""
        if not self.path.exists():
            return []
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        return [entry for entry in map(_entry, lines) if entry]


def _entry(line: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}
    return found
