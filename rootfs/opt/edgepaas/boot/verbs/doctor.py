"""edgepaas doctor: why is it not ready?"""

import json

from boot.doctor import masking
from boot.doctor.diagnosis import diagnose, text
from boot.doctor.evidence import Evidence
from boot.verbs import arguments
from boot.verbs.console import say

USAGE = """\
usage: edgepaas doctor [--json]

Says in its first line whether the container is ready, and if not why; then what to do; then all it
looked at, causes before effects: environment, PID 1, boot report, database, drain, app, sidecar,
disk, limits, clock. Works where nothing runs, too. Exit status 0 if ready, 1 if not."""
READY, NOT_READY = 0, 1


def main(argv: list[str]) -> int:
    """Look at everything and say it; return 0, 1, or 64 for a bad command line."""
    if argv and argv != ["--json"]:
        return arguments.answer("doctor", argv, USAGE)
    evidence = Evidence()
    diagnosis = diagnose(evidence)
    mask = masking.of(evidence)
    said = json.dumps(diagnosis.as_dict(), indent=2) if argv else text(diagnosis)
    say(mask(said).rstrip())
    return READY if diagnosis.ready else NOT_READY
