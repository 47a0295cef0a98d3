"""All metrics of the container in Prometheus' text format or OpenMetrics."""

import threading
import time
from collections.abc import Iterator
from functools import cache

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from boot.cgroup import Cgroup
from sidecar import (
    boot_metrics,
    container_metrics,
    process_metrics,
    schema_metrics,
    worker_metrics,
)
from sidecar.container import Container
from sidecar.database_metrics import DatabaseMetrics
from sidecar.exemplars import WithExemplars
from sidecar.readiness import Readiness
from sidecar.settings import Settings

ONE_AT_A_TIME = threading.Lock()
GLANCE_SECONDS = 0.1
OPENMETRICS = "application/openmetrics-text"


class Everything(Collector):
    """The metrics of the app's workers, the boot, the database, the processes, the container."""

    def __init__(
        self, settings: Settings, container: Container, readiness: Readiness, group: Cgroup
    ) -> None:
        self.settings = settings
        self.container = container
        self.readiness = readiness
        self.group = group
        self.database = DatabaseMetrics(settings)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family."""
        began = time.perf_counter()
        report = self.container.report()
        run_dir = self.container.run_dir
        yield from worker_metrics.collect(run_dir / "metrics")
        yield from boot_metrics.collect(report, self.settings, draining=self.container.draining())
        yield from schema_metrics.collect(run_dir)
        yield from self.database.collect()
        yield from process_metrics.collect(report, run_dir)
        yield from container_metrics.collect(self.group)
        yield from self.ready()
        yield GaugeMetricFamily(
            "edgepaas_metrics_collect_seconds",
            "Seconds it took to collect these metrics.",
            time.perf_counter() - began,
        )

    def ready(self) -> Iterator[Metric]:
        """Yield what /readyz says; a hung app does not hang the scrape."""
        verdict = self.readiness.glance(GLANCE_SECONDS)
        yield GaugeMetricFamily(
            "edgepaas_ready",
            "1 while requests should come here, as /readyz says; asked by the sidecar.",
            float(verdict.ready),
        )
        seconds = self.readiness.asked_seconds
        if seconds is not None:
            yield GaugeMetricFamily(
                "edgepaas_ready_check_seconds",
                "Seconds until the app answered the last question for readiness, or was given up.",
                seconds,
            )


@cache
def everything(settings: Settings, container: Container, readiness: Readiness) -> Everything:
    """Return the one collector of a container: what it counted, it remembers for a moment."""
    return Everything(settings, container, readiness, Cgroup())


def render(collector: Everything, accept: str) -> tuple[bytes, str]:
    """Return body and content type of a scrape whose Accept header is `accept`."""
    encode, kind = choose_encoder(accept)
    wanted: Collector = collector
    if OPENMETRICS in kind:
        wanted = WithExemplars(collector, collector.container.run_dir / "metrics")
    with ONE_AT_A_TIME:
        return encode(wanted), kind
