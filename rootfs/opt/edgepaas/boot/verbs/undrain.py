"""edgepaas undrain: take a drain back."""

from boot.exit_status import ExitStatus
from boot.verbs import arguments
from boot.verbs.console import complain, say
from boot.verbs.place import run_dir
from boot.verbs.switch import switch

USAGE = """\
usage: edgepaas undrain

Takes a drain back: readiness is again what the application says. Harmless where nothing drains;
refused while the container stops."""
NEXT = "ready is again what the application says; load balancers come back with their next probes"


def main(argv: list[str]) -> int:
    """Take the drain back; return the exit status, 74 where its mark cannot be removed."""
    if argv:
        return arguments.answer("undrain", argv, USAGE)
    directory = run_dir()
    file = directory / "draining"
    drained = file.exists()
    if failed := switch(directory, "edgepaas.undrain"):
        return failed
    if file.exists():
        complain(f"{file} cannot be removed, so ready is still 503")
        return ExitStatus.IO
    say(f"{'no longer draining' if drained else 'was not draining'}: {NEXT}")
    return ExitStatus.OK
