"""edgepaas db status: which database serves and why, and which rows of a fallback wait."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from boot.contract import Contract
from boot.database import claim, conflicts, kept_fallbacks, url
from boot.database.decision import FALLBACK_FILE
from boot.database.journal import Journal
from boot.database.schema_error import SchemaError
from boot.database.sqlite_file import CannotWriteError
from boot.exit_status import ExitStatus
from boot.verbs import arguments, in_effect
from boot.verbs.console import say

USAGE = """\
usage: edgepaas db status [--json]

Tells which database serves this container and why; whether a fallback's rows wait, since when and
how many; how many contested rows PostgreSQL holds, if it answers within seconds; and which files
of earlier fallbacks are kept. Changes nothing. Exit status 0 whatever it finds."""
SECONDS = 3.0
Document = dict[str, Any]


def main(argv: list[str]) -> int:
    """Print what there is; return 0, 64 for a bad command line, 78 for a broken contract."""
    if argv and argv != ["--json"]:
        return arguments.answer("db status", argv, USAGE)
    found = look(in_effect.contract(), os.environ)
    say(json.dumps(found, indent=2) if argv else table(found))
    return ExitStatus.OK


def look(contract: Contract, environ: Mapping[str, str]) -> Document:
    """Return all that can be known."""
    data_dir = Path(contract.lenient(environ, "EDGEPAAS_DATA_DIR"))
    run_dir = Path(contract.lenient(environ, "EDGEPAAS_RUN_DIR"))
    return {
        "serving": serving(in_effect.running(run_dir)),
        "fallback": fallback(data_dir / FALLBACK_FILE),
        "contested": contested(contract.resolve(environ).values),
        "kept": [
            {
                "file": str(each.path),
                "bytes": each.size,
                "since": each.epoch and each.epoch.began_at,
                "applied": each.progress.applied,
                "parked": each.progress.parked,
            }
            for each in kept_fallbacks.of(data_dir)
        ],
    }


def serving(running: Mapping[str, str]) -> Document | None:
    """Return which database this boot decided for; None where nothing runs."""
    if not running.get("EDGEPAAS_DB_BACKEND"):
        return None
    return {
        "backend": running["EDGEPAAS_DB_BACKEND"],
        "fallback": running.get("EDGEPAAS_DB_FALLBACK_ACTIVE") == "1",
        "url": url.redacted(running.get("DATABASE_URL", "")),
        "reason": running.get("EDGEPAAS_DB_REASON", ""),
    }


def fallback(path: Path) -> Document | None:
    """Return how a fallback's journal stands; None where there is none."""
    journal = Journal(path)
    try:
        epoch = journal.epoch()
        if epoch is None:
            return None
        progress = journal.progress()
        holder = claim.holder(path)
        return {
            "file": str(path),
            "epoch": epoch.id,
            "since": epoch.began_at,
            "stands_in_for": epoch.target,
            "pending": journal.pending(),
            "applied": progress.applied,
            "parked": progress.parked,
            "in_use_by": holder and str(holder),
        }
    except (SchemaError, CannotWriteError) as error:
        return {"file": str(path), "problem": str(error)}


def contested(values: Mapping[str, str]) -> Document:
    """Return how many rows wait for a decision; None for the number where nobody can tell."""
    given = values.get("EDGEPAAS_MIGRATION_DATABASE_URL") or values.get("DATABASE_URL") or ""
    try:
        target = url.parse(given) if given else None
        if not isinstance(target, url.PostgresUrl):
            return {"rows": None, "problem": "no PostgreSQL is named"}
        return {"rows": conflicts.count(target, SECONDS), "problem": None}
    except (url.DatabaseUrlError, SchemaError) as error:
        return {"rows": None, "problem": str(error)}


def table(found: Document) -> str:
    """Return it for people."""
    return "\n".join(f"{name:<10} {text}" for name, text in lines(found))


def lines(found: Document) -> Iterator[tuple[str, str]]:
    """Yield what each line is about, and what it says."""
    served = found["serving"]
    if served:
        role = " as a FALLBACK" if served["fallback"] else ""
        yield "serving", f"{served['backend']}{role}: {served['url']}"
        yield "because", served["reason"]
    else:
        yield "serving", "nothing runs here"
    yield "fallback", waiting(found["fallback"])
    yield "contested", undecided(found["contested"])
    for each in found["kept"]:
        counts = f"{each['applied']} applied, {each['parked']} parked"
        yield "kept", f"{each['file']}: since {each['since']}, {counts}, {each['bytes']} bytes"


def waiting(found: Document | None) -> str:
    """Return the line about a fallback's journal."""
    if found is None:
        return "no rows wait"
    if "problem" in found:
        return str(found["problem"])
    counts = f"{found['pending']} operations wait, {found['applied']} applied"
    where = f"{found['file']} since {found['since']}, for {found['stands_in_for']}"
    user = f"; in use by {found['in_use_by']}" if found["in_use_by"] else ""
    return f"{counts}, {found['parked']} parked: {where}{user}"


def undecided(found: Document) -> str:
    """Return the line about contested rows."""
    if found["rows"] is None:
        return f"not known: {found['problem']}"
    rows = found["rows"]
    return f"{rows}, waiting for a decision: edgepaas db resolve" if rows else "none"
