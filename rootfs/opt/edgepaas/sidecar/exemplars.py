"""Adds the workers' exemplars to the metrics, for scrapers that speak OpenMetrics."""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from boot import exemplar_file
from boot.exemplar_file import key


class WithExemplars(Collector):
    """What another collector yields, with an exemplar at each sample that has one."""

    def __init__(self, collector: Collector, directory: Path) -> None:
        self._collector = collector
        self._directory = directory

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family."""
        newest = sorted(exemplar_file.read(self._directory), key=lambda each: each.time)
        found = {
            key(each.name, each.labels): Exemplar(each.exemplar, each.value, each.time)
            for each in newest
        }
        names = {name for name, _ in found}
        for family in self._collector.collect():
            for place, sample in enumerate(family.samples):
                if sample.name in names:
                    exemplar = found.get(key(sample.name, sample.labels))
                    family.samples[place] = sample._replace(exemplar=exemplar)
            yield family
