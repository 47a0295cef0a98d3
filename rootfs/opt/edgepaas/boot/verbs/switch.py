"""What drain and undrain share: one call to PID 1, and what is said where it fails."""

from pathlib import Path

from boot.exit_status import ExitStatus
from boot.verbs import control
from boot.verbs.console import complain

SECONDS = 5.0
FAILURES = {
    control.NotRunningError: (
        ExitStatus.UNREACHABLE,
        "run this inside a running container: `docker exec CONTAINER edgepaas …`",
    ),
    control.NotAllowedError: (
        ExitStatus.CANNOT_EXECUTE,
        "run this as the container's own user: `docker exec` without --user",
    ),
    control.NoAnswerError: (
        ExitStatus.TEMPORARY,
        "it is stopped, starved of CPU, or ending; see `edgepaas doctor`",
    ),
    control.FaultError: (ExitStatus.TEMPORARY, "the container is stopping; see `edgepaas boot`"),
}


def switch(run_dir: Path, method: str) -> int:
    """Call PID 1; return 0, or the exit status after saying what is wrong."""
    try:
        control.call(run_dir, method, SECONDS)
    except control.ControlError as error:
        status, advice = FAILURES[type(error)]
        complain(f"{error}; {advice}")
        return status
    return ExitStatus.OK
