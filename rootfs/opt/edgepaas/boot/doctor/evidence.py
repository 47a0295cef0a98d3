"""What there is to look at: the environment, the files PID 1 keeps, and whether it answers."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boot import environment
from boot.contract import Contract, ContractError, Resolution, default_root, load
from boot.verbs import control
from boot.verbs.place import run_dir

ANSWER_SECONDS = 2.0
HARMLESS_METHOD = "supervisor.getState"
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with


class Evidence:
    """All that is known at once. Making it never raises, whatever is missing.

    `trouble` says why PID 1 could not be asked; None where it answered.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self.environ = environ
        self.root = default_root(environ)
        self.run_dir = run_dir(environ)
        self.faults: tuple[str, ...] = ()
        self.contract = self._contract()
        self.resolution: Resolution = self.contract.resolve(environ)
        self.unreadable = ""
        self.running = self._running()
        self.report, self.report_trouble = read_json(self.run_dir / "boot.json")
        self.end, _ = read_json(self.run_dir / "exit.json")
        self.trouble = self._ask()

    @property
    def alive(self) -> bool:
        """Tell whether a boot runs here, as far as one can tell."""
        return not isinstance(self.trouble, control.NotRunningError)

    @property
    def pid(self) -> int:
        """Return the number of PID 1 here, 0 where it is not known or has ended."""
        try:
            return int((self.run_dir / "supervisord.pid").read_text()) if self.alive else 0
        except (OSError, ValueError):
            return 0

    @property
    def phase(self) -> str:
        """Return the phase of the boot that runs, "" where none does."""
        return str((self.report or {}).get("phase", "")) if self.alive else ""

    @property
    def units(self) -> list[dict[str, Any]]:
        """Return the units of the boot report."""
        return list((self.report or {}).get("units", []))

    @property
    def elapsed(self) -> float:
        """Return the seconds since the boot began."""
        return time.monotonic() - float((self.report or {}).get("started_monotonic", 0.0))

    def unit(self, name: str) -> dict[str, Any]:
        """Return a unit of the boot report, {} where it has none of that name."""
        return next((each for each in self.units if each["name"] == name), {})

    def value(self, name: str) -> str:
        """Return a variable's value: decided, given, or its default; "" is none."""
        return self.running.get(name) or self.contract.lenient(self.environ, name)

    def address(self, bind: str, port: str) -> tuple[str, int] | None:
        """Return where this host reaches a port of ours, by the names of two variables."""
        host, number = self.value(bind), self.value(port)
        return (WILDCARDS.get(host, host), int(number)) if number.isdecimal() and host else None

    def secrets(self) -> list[str]:
        """Return every secret of both environments."""
        return [
            *self.contract.secret_values(self.environ),
            *self.contract.secret_values(self.running),
        ]

    def _contract(self) -> Contract:
        try:
            return load(self.root)
        except ContractError as error:
            self.faults = tuple(error.faults)
        return Contract((), {})

    def _running(self) -> dict[str, str]:
        try:
            return environment.read_all(environment.directory_in(self.run_dir))
        except OSError as error:
            self.unreadable = error.strerror or str(error)
        return {}

    def _ask(self) -> control.ControlError | None:
        try:
            control.call(self.run_dir, HARMLESS_METHOD, ANSWER_SECONDS)
        except control.FaultError:
            return None  # it answers, even if only that it is shutting down
        except control.ControlError as error:
            return error
        return None


def read_json(path: Path) -> tuple[dict[str, Any] | None, str]:
    """Return the object in a file, or None and why there is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return None, error.strerror or str(error)
    except ValueError:
        return None, "it is not JSON"
    return (value, "") if isinstance(value, dict) else (None, "it is not an object")
