"""Is the wall clock sane, and did it jump since the boot?"""

import time
from collections.abc import Iterator
from datetime import datetime

from boot.doctor.evidence import Evidence
from boot.doctor.finding import Finding, ok, warn
from boot.doctor.words import duration

JUMP_MOST = 2.0
NOT_BEFORE = 1_767_225_600  # 2026-01-01: older than this image
SYNCHRONIZE = "let the host keep its clock by NTP; TLS and timestamps depend on it"


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield a clock that is wrong or was moved; nothing where all is well."""
    now = time.time()
    if now < NOT_BEFORE:
        yield warn("clock", f"it says {time.strftime('%F', time.gmtime(now))}", SYNCHRONIZE)
    started = (evidence.report or {}).get("started")
    if not started or not evidence.alive:
        return
    jump = now - (datetime.fromisoformat(started).timestamp() + evidence.elapsed)
    if abs(jump) > JUMP_MOST:
        way = "forward" if jump > 0 else "back"
        line = f"was set {way} by {duration(abs(jump))} since the boot"
        yield warn("clock", line, SYNCHRONIZE)
    else:
        yield ok("clock", "steady since the boot")
