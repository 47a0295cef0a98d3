"""All metrics of the container in Prometheus' text format or OpenMetrics."""

import threading
from collections.abc import Iterator

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sidecar import boot_metrics, process_metrics, worker_metrics
from sidecar.container import Container
from sidecar.settings import Settings

ONE_AT_A_TIME = threading.Lock()


class Everything(Collector):
    """The metrics of the app's workers, the boot and the processes."""

    def __init__(self, settings: Settings, container: Container) -> None:
        self.settings = settings
        self.container = container

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family."""
        report = self.container.report()
        yield from worker_metrics.collect(self.container.run_dir / "metrics")
        yield from boot_metrics.collect(report, self.settings, draining=self.container.draining())
        yield from process_metrics.collect(report)


def render(settings: Settings, container: Container, accept: str) -> tuple[bytes, str]:
    """Return body and content type of a scrape whose Accept header is `accept`."""
    encode, kind = choose_encoder(accept)
    with ONE_AT_A_TIME:
        return encode(Everything(settings, container)), kind
