"""The app's metrics, merged over the files of all workers; a bad file spoils only itself."""

# mypy: disable-error-code="no-untyped-call"
# prometheus_client leaves this part of itself without types.

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

UNREADABLE = (
    struct.error,
    OSError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)
TRIES = 2


def collect(directory: Path) -> Iterator[Metric]:
    """Yield the families of all `*.db` files in `directory`, and how many were read or bad."""
    files = [path for path in sorted(directory.glob("*.db")) if size(path)]
    families: dict[str, Metric] = {}
    bad = 0
    for path in files:
        try:
            add(families, read(path))
        except UNREADABLE:
            bad += 1
    yield from merge(families)
    yield GaugeMetricFamily("edgepaas_metrics_files", "Files of metrics of workers.", len(files))
    yield GaugeMetricFamily(
        "edgepaas_metrics_bad_files", "Files of metrics that could not be read.", bad
    )


def size(path: Path) -> int:
    """Return a file's size in bytes; 0 also when it is gone, as one just opened has."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def read(path: Path) -> dict[str, Metric]:
    """Return the families in one file, read again if a worker was just writing it.

    Raises one of UNREADABLE.
    """
    for remaining in reversed(range(TRIES)):
        try:
            return dict(MultiProcessCollector._read_metrics([str(path)]))  # noqa: SLF001 (merge() fails as a whole)
        except UNREADABLE:
            if not remaining:
                raise
    raise AssertionError("unreachable")


def add(families: dict[str, Metric], more: dict[str, Metric]) -> None:
    """Add the samples of one file's families to those of all. Raises ValueError if types differ."""
    for name, family in more.items():
        if name in families and families[name].type != family.type:
            raise ValueError(name)
    for name, family in more.items():
        if name in families:
            families[name].samples.extend(family.samples)
        else:
            families[name] = family


def merge(families: dict[str, Metric]) -> Iterable[Metric]:
    """Return the families with the samples of all workers added up."""
    merged: Iterable[Metric] = MultiProcessCollector._accumulate_metrics(families, accumulate=True)  # noqa: SLF001 (see read)
    return merged
