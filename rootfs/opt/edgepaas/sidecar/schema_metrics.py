"""How long the schema step waited and migrated, as metrics."""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from boot.database import schema_times

MEANINGS = {
    "lock_wait_seconds": "Seconds for which the schema step waited for another container's lock.",
    "migration_seconds": "Seconds for which the schema step migrated, or made, the tables.",
}


def collect(run_dir: Path) -> Iterator[Metric]:
    """Yield what the schema step of this boot took, once it has ended."""
    times = schema_times.read(run_dir)
    if times:
        for name, seconds in times._asdict().items():
            yield GaugeMetricFamily(f"edgepaas_schema_{name}", MEANINGS[name], seconds)
