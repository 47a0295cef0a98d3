"""What the script knows between two runs: one JSON file, replaced atomically.

It is a memory, not the truth: which slot is live, the proxy says.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from scripts.bluegreen.outcome import Outcome, Stopped

FORMAT = 1


@dataclass(frozen=True)
class Release:
    """An image as it was deployed: its name then, its id, and the build it answers with."""

    image: str
    image_id: str
    build: str
    version: str


@dataclass(frozen=True)
class Operation:
    """A deploy or rollback under way. `step` is what is being done, written before it is done."""

    id: str
    word: str
    slot: str
    before: str | None
    release: Release
    began: str
    step: str
    gap: bool = False
    deployment: str = ""

    def at(self, step: str) -> Operation:
        """Return it at another step."""
        return replace(self, step=step)


@dataclass(frozen=True)
class State:
    """Which release is in which slot, which slot was live last, and what is under way."""

    live: str | None = None
    slots: dict[str, Release] = field(default_factory=dict)
    operation: Operation | None = None


class StateFile:
    """The file; each save is durable before it returns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "state.json"

    def prepare(self) -> None:
        """Make the folder; raises Stopped."""
        try:
            self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError as error:
            raise Stopped(
                f"{self.folder} cannot be made ({error.strerror}): run as root, or set [service]"
                " state to a folder of yours",
                Outcome.CONFIG,
            ) from None

    def load(self) -> State:
        """Return what was saved last; an empty state where nothing was. Raises Stopped."""
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            return _state(found)
        except FileNotFoundError:
            return State()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Stopped(
                f"{self.path} cannot be read ({error!r}): move it away, the proxy knows",
                Outcome.CONFIG,
            ) from None

    def save(self, state: State) -> None:
        """Replace the file."""
        text = json.dumps({"format": FORMAT, **asdict(state)}, indent=2) + "\n"
        replace_file(self.path, text, 0o644)


def replace_file(path: Path, text: str, mode: int) -> None:
    """Write `path` so that a reader finds the old or the new text, whatever happens meanwhile."""
    beside = path.with_name(f".{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _state(found: dict[str, Any]) -> State:
    if found["format"] != FORMAT:
        raise ValueError(f"format {found['format']}")
    operation = found["operation"]
    return State(
        live=found["live"],
        slots={name: Release(**release) for name, release in found["slots"].items()},
        operation=Operation(**{**operation, "release": Release(**operation["release"])})
        if operation
        else None,
    )
