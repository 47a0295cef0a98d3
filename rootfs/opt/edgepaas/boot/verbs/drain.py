"""edgepaas drain: turn readiness to 503 and go on serving."""

from boot.exit_status import ExitStatus
from boot.verbs import arguments
from boot.verbs.console import complain, say
from boot.verbs.place import run_dir
from boot.verbs.switch import switch

USAGE = """\
usage: edgepaas drain

Turns readiness to 503, so that load balancers send new requests elsewhere; requests that still
come are served. Harmless where it drains already. `edgepaas undrain` takes it back."""
NEXT = """\
ready is 503, requests are still served. Next:
  1. wait until the balancer has looked away: its probe interval times its failure threshold
  2. stop the container, or take the drain back with `edgepaas undrain`"""


def main(argv: list[str]) -> int:
    """Drain; return the exit status, 74 where PID 1 could not say so to anybody."""
    if argv:
        return arguments.answer("drain", argv, USAGE)
    directory = run_dir()
    file = directory / "draining"
    already = file.exists()
    if failed := switch(directory, "edgepaas.drain"):
        return failed
    if not file.exists():
        complain(f"{file} could not be made, so ready is as before; is {directory} full?")
        return ExitStatus.IO
    say(f"{'was draining already' if already else 'draining'}: {NEXT}")
    return ExitStatus.OK
