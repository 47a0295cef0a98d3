"""The database decision, and what a fallback has written that PostgreSQL does not have, as metrics.

PostgreSQL is never asked, and a file only where there is one and it changed.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from boot.database.decision import FALLBACK_FILE
from boot.database.schema_error import SchemaError
from sidecar.settings import Settings

LOOK_SECONDS = 5.0


class Waiting(NamedTuple):
    """Operations of the journal that no replay has dealt with, and those that one has parked."""

    pending: int
    parked: int


NOTHING = Waiting(0, 0)


class JournalGauge:
    """Counts what waits in a journal, at most once in LOOK_SECONDS."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._looked = -LOOK_SECONDS
        self._found: Waiting | None = NOTHING

    def read(self) -> Waiting | None:
        """Return what waits; None where the file cannot be read now."""
        if self._clock() - self._looked >= LOOK_SECONDS:
            self._looked = self._clock()
            self._found = self._count()
        return self._found

    def _count(self) -> Waiting | None:
        if not self._path.exists():
            return NOTHING
        from boot.database.journal import Journal  # noqa: PLC0415  # only where there is one

        journal = Journal(self._path)
        try:
            return Waiting(journal.pending(), journal.progress().parked)
        except SchemaError:
            return None


class DatabaseMetrics:
    """The metrics of one container's database."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._journal = JournalGauge(Path(settings.value("EDGEPAAS_DATA_DIR"), FALLBACK_FILE))

    def collect(self) -> Iterator[Metric]:
        """Yield the decision, once it is made, and what waits in the journal."""
        backend = self._settings.value("EDGEPAAS_DB_BACKEND")
        if backend:
            yield self._decision(backend)
            yield self._fallback(backend)
        waiting = self._journal.read()
        if waiting:
            yield GaugeMetricFamily(
                "edgepaas_journal_pending_operations",
                "Changes made during a fallback that no replay has brought to PostgreSQL yet.",
                waiting.pending,
            )
            yield GaugeMetricFamily(
                "edgepaas_journal_parked_operations",
                "Changes made during a fallback that wait for a decision: edgepaas db resolve.",
                waiting.parked,
            )

    def _decision(self, backend: str) -> Metric:
        decided = GaugeMetricFamily(
            "edgepaas_db_backend",
            "1 for the database that serves, with the reason for the choice.",
            labels=["backend", "reason"],
        )
        decided.add_metric([backend, self._settings.value("EDGEPAAS_DB_REASON")], 1)
        return decided

    def _fallback(self, backend: str) -> Metric:
        active = self._settings.value("EDGEPAAS_DB_FALLBACK_ACTIVE") == "1"
        fallback = GaugeMetricFamily(
            "edgepaas_database_fallback",
            "1 while SQLite stands in for an unreachable PostgreSQL.",
            labels=["backend"],
        )
        fallback.add_metric([backend], float(active))
        return fallback
