"""Did somebody turn readiness off on purpose?"""

import time
from collections.abc import Iterator

from boot.doctor.evidence import Evidence
from boot.doctor.finding import Finding, blocking, warn
from boot.doctor.words import duration


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield the drain; a container that stops drains as a matter of course."""
    if not evidence.alive or evidence.phase == "stopping":
        return
    try:
        since = (evidence.run_dir / "draining").stat().st_mtime
    except OSError:
        return
    line = f"draining for {duration(max(0.0, time.time() - since))}: ready is 503 on purpose"
    yield blocking(warn("drain", line, "`edgepaas undrain` takes it back"))
