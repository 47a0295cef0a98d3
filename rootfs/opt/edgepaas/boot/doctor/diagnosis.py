"""All findings, causes before effects, and the verdict in one sentence."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from boot.doctor import (
    app,
    boot_report,
    clock,
    configuration,
    daemon,
    database,
    drain,
    limits,
    ports,
    room,
    sidecar,
)
from boot.doctor.evidence import Evidence
from boot.doctor.finding import Finding, Grade, blocking, warn

Section = Callable[[Evidence], Iterator[Finding]]

# A cause stands before what it causes: the first that blocks is the verdict.
SECTIONS: dict[str, Section] = {
    "environment": configuration.findings,
    "PID 1": daemon.findings,
    "database": database.findings,
    "boot": boot_report.findings,
    "drain": drain.findings,
    "app": app.findings,
    "sidecar": sidecar.findings,
    "ports": ports.findings,
    "disk": room.findings,
    "limits": limits.findings,
    "clock": clock.findings,
}
# Without these nobody can say that it is ready.
READINESS = frozenset({"PID 1", "boot", "app", "sidecar"})


class Diagnosis(NamedTuple):
    """What was found, causes first."""

    findings: Sequence[Finding]

    @property
    def ready(self) -> bool:
        """Tell whether requests may come."""
        return not any(each.blocks for each in self.findings)

    @property
    def cause(self) -> Finding | None:
        """Return the first finding that keeps it from being ready."""
        return next((each for each in self.findings if each.blocks), None)

    @property
    def verdict(self) -> str:
        """Return the verdict in one sentence."""
        if self.cause is None:
            wrong = {each.subject: None for each in self.findings if each.grade is not Grade.OK}
            return f"ready; worth a look: {', '.join(wrong)}" if wrong else "ready"
        others = {each.subject: None for each in self.findings if self._matters(each)}
        also = f" (also bad: {', '.join(others)})" if others else ""
        return f"not ready: {self.cause.subject}: {self.cause.line}{also}"

    def as_dict(self) -> dict[str, Any]:
        """Return it for machines."""
        return {
            "ready": self.ready,
            "verdict": self.verdict,
            "advice": self.cause.advice if self.cause else "",
            "findings": [each._asdict() for each in self.findings],
        }

    def _matters(self, finding: Finding) -> bool:
        """Tell whether a finding is bad in itself, and not an effect that follows a cause."""
        return finding.grade is Grade.BAD and not finding.blocks


def diagnose(evidence: Evidence) -> Diagnosis:
    """Look at everything. Never raises."""
    found: list[Finding] = []
    for name, section in SECTIONS.items():
        try:
            found.extend(section(evidence))
        except Exception as error:  # noqa: BLE001 - one broken part must not hide the others
            finding = warn(name, f"could not be looked at: {type(error).__name__}: {error}")
            found.append(blocking(finding) if name in READINESS else finding)
    return Diagnosis(found)


def text(diagnosis: Diagnosis) -> str:
    """Return it for people: the verdict, what to do, then every finding."""
    lines = [diagnosis.verdict]
    if diagnosis.cause and diagnosis.cause.advice:
        lines.append(f"do: {diagnosis.cause.advice}")
    lines.append("")
    width = max((len(each.subject) for each in diagnosis.findings), default=0)
    for each in diagnosis.findings:
        lines.append(f"  {each.grade:<4}  {each.subject:<{width}}  {each.line}")
        if each.advice and each is not diagnosis.cause:
            lines.append(f"  {'':<4}  {'':<{width}}  do: {each.advice}")
    return "\n".join(lines)
