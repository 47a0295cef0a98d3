"""The app's metrics, merged over the files of all workers; a bad file spoils only itself."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.samples import Sample

from sidecar import worker_files
from sidecar.worker_files import BadFileError, Entry, Name, WorkerFile

Combine = Callable[[float, float], float]

LIVE = "live"
HISTOGRAM = "histogram"
MODES: Mapping[str, Combine] = MappingProxyType(
    {"sum": lambda one, other: one + other, "max": max, "min": min}
)


class Family:
    """The samples of one metric, of all workers whose files were added."""

    def __init__(self, kind: str, mode: str, meaning: str) -> None:
        self.kind = kind
        self.mode = mode.removeprefix(LIVE)
        self.meaning = meaning
        self._values: dict[tuple[bytes, str], tuple[Name, float, float]] = {}

    def add(self, entry: Entry, slot: str) -> None:
        """Add what one worker has."""
        slot = slot if self.kind == "gauge" and self.mode == "all" else ""
        key = entry.raw, slot
        known = self._values.get(key)
        if known is None:
            self._values[key] = entry.name, entry.value, entry.time
        elif self.mode == "mostrecent":
            if entry.time > known[2]:
                self._values[key] = entry.name, entry.value, entry.time
        else:
            combine = MODES.get(self.mode, MODES["sum"])
            self._values[key] = entry.name, combine(known[1], entry.value), entry.time

    def metric(self, name: str) -> Metric:
        """Return the metric as a scrape shows it."""
        metric = Metric(name, self.meaning, self.kind)
        metric.samples = list(self._buckets() if self.kind == HISTOGRAM else self._samples())
        return metric

    def _samples(self) -> Iterator[Sample]:
        for (_, slot), (name, value, _) in self._values.items():
            labels = {**name.labels, "pid": slot} if slot else name.labels
            yield Sample(name.sample, labels, value)

    def _buckets(self) -> Iterator[Sample]:
        """Yield the buckets, each with what the smaller ones hold, then number and sum."""
        groups: dict[tuple[tuple[str, str], ...], list[tuple[float, Name, float]]] = {}
        rest: dict[tuple[tuple[str, str], ...], Sample] = {}
        for name, value, _ in self._values.values():
            if name.bound is None:
                rest[name.others] = Sample(name.sample, name.labels, value)
            else:
                groups.setdefault(name.others, []).append((name.bound, name, value))
        for others, buckets in groups.items():
            total = 0.0
            for _, name, value in sorted(buckets, key=lambda bucket: bucket[0]):
                total += value
                yield Sample(name.sample, name.labels, total)
            yield Sample(f"{name.family}_count", dict(others), total)
            if others in rest:
                yield rest[others]


def collect(directory: Path) -> Iterator[Metric]:
    """Yield the families of all `*.db` files in `directory`, and how many were read or bad."""
    paths = [path for path in sorted(directory.glob("*.db")) if size(path)]
    families: dict[str, Family] = {}
    bad = 0
    for path in paths:
        try:
            add(families, worker_files.read(path))
        except (BadFileError, OSError):
            bad += 1
    for name, family in families.items():
        yield family.metric(name)
    yield GaugeMetricFamily("edgepaas_metrics_files", "Files of metrics of workers.", len(paths))
    yield GaugeMetricFamily(
        "edgepaas_metrics_bad_files", "Files of metrics that could not be read.", bad
    )
    yield GaugeMetricFamily(
        "edgepaas_metrics_incomplete",
        "Workers some of whose series found no room and are not shown.",
        sum(1 for _ in directory.glob("*.incomplete")),
    )


def size(path: Path) -> int:
    """Return a file's size in bytes; 0 also when it is gone, as one just opened has."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def add(families: dict[str, Family], file: WorkerFile) -> None:
    """Add one file's samples to those of all. Raises BadFileError where a metric changes type."""
    for name in {entry.name.family for entry in file.entries}:
        if name in families and families[name].kind != file.kind:
            raise BadFileError(name)
    for entry in file.entries:
        family = families.get(entry.name.family)
        if family is None:
            family = Family(file.kind, file.mode, entry.name.meaning)
            families[entry.name.family] = family
        family.add(entry, file.slot)
