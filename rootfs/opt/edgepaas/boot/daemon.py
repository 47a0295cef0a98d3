"""What the sequencer asks of whoever runs the programs. Imports nothing of ours."""

from typing import Protocol


class Daemon(Protocol):
    """Starts and stops programs; supervision.py does it with supervisord."""

    def start(self, name: str) -> int | None:
        """Start a program; return its pid, or None if it could not be started."""

    def stop(self, name: str) -> None:
        """Ask a program to end with TERM, and KILL it if it does not."""

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a program and all it started."""

    def stop_all(self) -> None:
        """Stop what runs, dependents first, and end the daemon."""

    def kill_all(self) -> None:
        """KILL what still runs."""

    def draining(self, *, on: bool) -> None:
        """Tell everybody that traffic should go elsewhere, or may come back."""

    def is_draining(self) -> bool:
        """Tell whether traffic goes elsewhere now."""

    def exports(self, name: str) -> list[str]:
        """Return the names a unit wrote into the container environment."""

    def value(self, name: str, variable: str) -> str:
        """Return a variable as a unit would be given it, "" where it is not set."""

    def last_words(self, name: str) -> str:
        """Return the last error a unit logged, or its last line."""
