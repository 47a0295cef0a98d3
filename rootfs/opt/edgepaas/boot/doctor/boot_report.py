"""How far is the boot, and which unit is to blame?"""

from collections.abc import Iterator
from typing import Any

from boot.doctor.evidence import Evidence
from boot.doctor.finding import Finding, bad, blocking, ok, warn
from boot.doctor.words import count, duration, one_line
from boot.exit_status import explain

SUBJECT = "boot"
NEEDED = frozenset({"web", "metrics"})
# A unit whose condition does not hold is skipped; one that failed is told of elsewhere.
FINE = frozenset({"ready", "failed", "skipped"})
UNDER_WAY = frozenset({"starting", "running", "restarting"})
LOGS = "its own lines say more: `docker logs CONTAINER`"
# A net of an hour is below these units; they give up by themselves much earlier.
OWN_DEADLINES = {"db-wait": "EDGEPAAS_DB_WAIT_TIMEOUT"}

Unit = dict[str, Any]


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield the boot's phase, then what is to be said of single units."""
    if evidence.report is None:
        if evidence.alive:
            yield blocking(_no_report(evidence))
        return
    phases = {
        "booting": _booting,
        "ready": _ready,
        "rerunning": _rerunning,
        "held": _held,
        "stopping": _stopping,
    }
    yield from _failed(evidence)
    if evidence.phase in phases:
        yield from phases[evidence.phase](evidence)
        yield from _restarted(evidence)


def _no_report(evidence: Evidence) -> Finding:
    path = evidence.run_dir / "boot.json"
    line = f"there is no boot report: {path}: {evidence.report_trouble}"
    return bad(SUBJECT, line, f"see that {evidence.run_dir} is writable and not full")


def _failed(evidence: Evidence) -> Iterator[Finding]:
    told = (evidence.end or {}).get("unit")  # by the finding about PID 1
    for unit in evidence.units:
        if unit["state"] == "failed" and (evidence.alive or unit["name"] != told):
            meaning, advice = explain(unit["status"] or 0)
            line = f"{unit['name']} failed with {unit['status']} ({meaning}): {_result(unit)}"
            if evidence.phase == "ready":
                yield warn(SUBJECT, f"{line}; the boot went on without it", advice)
            else:
                yield blocking(bad(SUBJECT, line, advice))


def _booting(evidence: Evidence) -> Iterator[Finding]:
    under_way = [unit for unit in evidence.units if _is_under_way(unit)]
    if not under_way:
        yield blocking(warn(SUBJECT, f"under way for {duration(evidence.elapsed)}", LOGS))
    for unit in under_way:
        yield blocking(_waiting_for(unit, evidence))


def _is_under_way(unit: Unit) -> bool:
    if unit["state"] == "restarting":
        return True
    return unit["state"] in UNDER_WAY and unit["end"] is None


def _waiting_for(unit: Unit, evidence: Evidence) -> Finding:
    name = unit["name"]
    behind = [each["name"] for each in evidence.units if each["state"] == "waiting"]
    queue = f"; {', '.join(behind)} wait{'s' if len(behind) == 1 else ''}" if behind else ""
    if unit["state"] == "restarting":
        line = f"{name} failed and is tried again: {_result(unit)}{queue}"
        return warn(SUBJECT, line, LOGS)
    seconds = evidence.elapsed - (unit["start"] or 0)
    variable = OWN_DEADLINES.get(name)
    limit = float(evidence.value(variable) or unit["timeout"]) if variable else unit["timeout"]
    named = f" ({variable})" if variable else ""
    goal = "done" if unit["type"] == "oneshot" else "ready"
    said = f", and says: {one_line(unit['status_text'])}" if unit["status_text"] else ""
    line = (
        f"booting for {duration(evidence.elapsed)}: {name} is not {goal} after "
        f"{duration(seconds)} of {limit:g} s{named}{said}{queue}"
    )
    return bad(SUBJECT, line, LOGS) if seconds > limit else warn(SUBJECT, line, LOGS)


def _ready(evidence: Evidence) -> Iterator[Finding]:
    report = evidence.report or {}
    line = (
        f"complete after {report['ready_seconds']:.3f} s, up for {duration(evidence.elapsed)} "
        f"(boot {report.get('boot_id')}, build {report.get('build_id') or 'unknown'})"
    )
    yield ok(SUBJECT, line)
    for unit in evidence.units:
        if unit["type"] == "longrun" and unit["state"] not in FINE:
            line = f"{unit['name']} is {unit['state']}: {_result(unit)}"
            finding = bad(SUBJECT, line, _advice(unit))
            yield blocking(finding) if unit["name"] in NEEDED else finding


def _advice(unit: Unit) -> str:
    if unit["state"] == "stopped":
        return f"`supervisorctl start {unit['name']}`"
    return LOGS


def _rerunning(_: Evidence) -> Iterator[Finding]:
    line = (
        "a step runs again, as on the way back from a fallback; what stands on it serves after it"
    )
    yield blocking(warn(SUBJECT, line, "see `edgepaas boot`"))


def _held(_: Evidence) -> Iterator[Finding]:
    line = "held for inspection after a failure (EDGEPAAS_ON_FAILURE=hold); nothing is served"
    advice = "correct the cause above, then restart the container: a held boot does not go on"
    yield blocking(bad(SUBJECT, line, advice))


def _stopping(evidence: Evidence) -> Iterator[Finding]:
    events = (evidence.report or {}).get("events", [])
    why = next((each["detail"] for each in reversed(events) if each["event"] == "stopping"), "")
    line = f"stopping: {why}" if why else "stopping"
    yield blocking(warn(SUBJECT, line, "nothing to do; it ends within EDGEPAAS_STOP_TIMEOUT"))


def _restarted(evidence: Evidence) -> Iterator[Finding]:
    for unit in evidence.units:
        if unit["restarts"]:
            times = count(unit["restarts"], "time")
            line = f"{unit['name']} was restarted {times}; last: {_last_end(unit, evidence)}"
            yield warn(SUBJECT, line, LOGS)


def _last_end(unit: Unit, evidence: Evidence) -> str:
    for event in reversed((evidence.report or {}).get("events", [])):
        if event["unit"] == unit["name"] and event["event"] == "ended":
            return f"{event['detail']} at {event['time']}"
    return _result(unit)


def _result(unit: Unit) -> str:
    result = unit["result"] or "no result yet"
    return one_line(result).removeprefix(f"exited with {unit['status']}: ")
