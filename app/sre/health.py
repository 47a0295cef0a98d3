"""Whether this process can serve requests now."""

import asyncio
import logging
import threading
import time
from concurrent.futures import Future
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from sqlalchemy import text

from app.db import Database, SchemaMissingError, UnavailableError, revision
from app.models import SCHEMA_REVISION
from app.settings import Settings
from app.sre import connection_budget

CACHE_SECONDS = 1.0
CACHE_FAILURE_SECONDS = 0.25
PROBE_SECONDS = 2.0  # a probe may take longer than anybody waits for it: the next one learns
CONNECT_SECONDS = 2
TAKES_WRITES = MappingProxyType(
    {
        "postgres": text(
            "SELECT NOT pg_is_in_recovery()"
            " AND NOT current_setting('default_transaction_read_only')::bool"
        ),
        "sqlite": text("SELECT NOT (SELECT query_only FROM pragma_query_only)"),
    }
)

log = logging.getLogger(__name__)

Check = dict[str, Any]


class Readiness:
    """Asks the database at most once a second, on a connection and a thread of its own; after a
    failure sooner, so that the end of an outage is soon known.

    So a full pool does not look like a dead database, and a dead database costs one thread.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database = Database(
            replace(
                settings,
                database_pool_size=1,
                database_deadline=PROBE_SECONDS,
                database_connect_timeout=CONNECT_SECONDS,
            )
        )
        self._probe: Future[dict[str, Check]] | None = None
        self._budget_is_known = False
        self._fresh_until = float("-inf")

    async def check(self) -> tuple[bool, dict[str, Any]]:
        """Return whether requests can be served, and the finding. Never raises or hangs."""
        checks = {"draining": self._draining(), **await self._database_checks()}
        ready = all(check["ok"] for check in checks.values())
        return ready, {
            "status": "ready" if ready else "not ready",
            "checks": checks,
            "database": {
                "backend": self._settings.database_backend,
                "fallback": self._settings.fallback_active,
                "reason": self._settings.database_reason,
            },
            "slot": self._settings.slot,
            "build": self._settings.build_id,
        }

    def close(self) -> None:
        """Close the connection."""
        self._database.dispose()

    def _draining(self) -> Check:
        file = self._settings.drain_file
        draining = file is not None and file.exists()
        return {"ok": not draining, "detail": "draining" if draining else "serving"}

    async def _database_checks(self) -> dict[str, Check]:
        probe = self._current_probe()
        try:
            waiting = asyncio.shield(asyncio.wrap_future(probe))
            return await asyncio.wait_for(waiting, self._settings.ready_deadline)
        except TimeoutError:
            seconds = f"{self._settings.ready_deadline:g} s"
            return {"database": {"ok": False, "detail": f"no answer within {seconds}"}}

    def _current_probe(self) -> Future[dict[str, Check]]:
        """Return the running or recent probe, else start one in its own thread."""
        fresh = time.monotonic() < self._fresh_until
        if self._probe is None or (self._probe.done() and not fresh):
            self._probe = Future()
            threading.Thread(target=self._run, args=(self._probe,), daemon=True).start()
        return self._probe

    def _run(self, probe: Future[dict[str, Check]]) -> None:
        try:
            found = self._ask()
        except Exception as error:
            log.exception("the readiness probe failed")
            found = {"database": {"ok": False, "detail": f"{type(error).__name__} in the probe"}}
        good = all(check["ok"] for check in found.values())
        keep = CACHE_SECONDS if good else CACHE_FAILURE_SECONDS
        self._fresh_until = time.monotonic() + keep
        probe.set_result(found)
        if found["database"]["ok"] and not self._budget_is_known:
            self._check_budget()

    def _check_budget(self) -> None:
        """Look at the number of connections, when somebody has been told that we are ready."""
        try:
            with self._database.reading() as session:
                connection_budget.check(session, self._settings)
        except Exception:
            log.exception("the number of connections could not be checked")
        self._budget_is_known = True

    def _ask(self) -> dict[str, Check]:
        began = time.monotonic()
        try:
            with self._database.reading() as session:
                writable = session.execute(TAKES_WRITES[self._settings.database_backend]).scalar()
                seconds = round(time.monotonic() - began, 4)
                answered = {"ok": True, "seconds": seconds, "writable": bool(writable)}
                return {"database": answered, "schema": schema_check(revision(session))}
        except SchemaMissingError as error:
            return {"database": {"ok": True}, "schema": {"ok": False, "detail": str(error)}}
        except UnavailableError as error:
            return {"database": {"ok": False, "detail": str(error)}}


def schema_check(found: str | None) -> Check:
    """Return whether our code can serve a schema of the revision `found`.

    A newer one is fine: the boot let us start only if it declared itself compatible.
    """
    if found is None:
        return {"ok": False, "detail": "the schema has no revision"}
    if found < SCHEMA_REVISION:
        return {"ok": False, "revision": found, "detail": f"behind {SCHEMA_REVISION}"}
    return {"ok": True, "revision": found}
