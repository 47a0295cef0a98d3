"""Is the environment one this image accepts?"""

from collections.abc import Iterator

from boot.doctor.evidence import Evidence
from boot.doctor.finding import Finding, bad, blocking, ok, warn

SUBJECT = "environment"
SHOWN_MOST = 8


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield each problem with the environment or with its contract."""
    for fault in evidence.faults:
        yield blocking(bad(SUBJECT, fault, "correct that file in the image or the mount"))
    if evidence.unreadable:
        yield warn(
            SUBJECT,
            f"{evidence.run_dir}/env cannot be read: {evidence.unreadable}",
            "run this as the container's own user: `docker exec` without --user",
        )
    problems = evidence.resolution.problems
    # A container that serves has passed env-check: then it is this command's environment.
    accepted = evidence.phase == "ready"
    for problem in problems[:SHOWN_MOST]:
        line = f"{problem.variable} {problem.what}"
        advice = f"set {problem.fix} (see {problem.see})"
        yield warn(SUBJECT, line, advice) if accepted else blocking(bad(SUBJECT, line, advice))
    if len(problems) > SHOWN_MOST:
        yield warn(SUBJECT, f"and {len(problems) - SHOWN_MOST} more", "see `edgepaas check`")
    if not problems and not evidence.faults:
        yield ok(SUBJECT, evidence.resolution.counts())
