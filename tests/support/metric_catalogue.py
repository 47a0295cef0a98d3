"""Every metric of the container, as the code declares it: the rows of docs/metrics.md."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric

from app.sre import metrics as of_the_app
from boot import worker_table
from boot.cgroup import Cgroup
from boot.database.schema_times import Stopwatch
from boot.report import Phase, Report, State
from boot.units import Kind, Unit
from sidecar.container import Container
from sidecar.exposition import Everything
from sidecar.readiness import Readiness
from sidecar.settings import Settings
from tests.support import cgroups
from tests.support.ports import free_port

ROOTFS = Path(__file__).parents[2] / "rootfs"
UNITS = {"seconds": "seconds", "bytes": "bytes", "cores": "cores", "info": "1"}


def rows(directory: Path) -> dict[str, str]:
    """Return the table's line of each metric by its name; `directory` is for files."""
    return {**dict(_app()), **dict(_sidecar(directory))}


def sidecar_of(run_dir: Path, **environ: str) -> Everything:
    """Return the sidecar's collector over a run directory in which there is everything."""
    environ = {
        "EDGEPAAS_ROOT": str(ROOTFS),
        "EDGEPAAS_RUN_DIR": str(run_dir),
        "EDGEPAAS_DATA_DIR": str(run_dir),
        "PORT": str(free_port()),
        "EDGEPAAS_DB_BACKEND": "postgres",
        **environ,
    }
    settings = Settings(environ)
    container = Container(run_dir)
    group = Cgroup(cgroups.version_2(run_dir / "cgroup"), run_dir / "none")
    return Everything(settings, container, Readiness(settings, container), group)


def fill(run_dir: Path, pid: int) -> None:
    """Leave what PID 1 and web leave there, of a boot whose web is process `pid`."""
    report = Report([Unit("web", Kind.LONGRUN)], {"boot_id": "0123456789ab"})
    report.begin("web")
    report.settle("web", State.READY)
    report.entries["web"].pid = pid
    report.phase, report.ready_seconds = Phase.READY, 1.0
    report.write(run_dir / "boot.json")
    table = worker_table.make(run_dir / worker_table.NAME)
    worker_table.put(table, worker_table.PIDS, 0, pid)
    worker_table.put(table, worker_table.STARTS, 0, 1)
    Stopwatch().write(run_dir)


def _app() -> Iterator[tuple[str, str]]:
    for declared in vars(of_the_app).values():
        if isinstance(declared, MetricWrapperBase):
            inner: Any = declared
            yield _row(inner._name, inner._type, inner._labelnames, inner._documentation)


def _sidecar(directory: Path) -> Iterator[tuple[str, str]]:
    fill(directory, os.getpid())
    for family in sidecar_of(directory).collect():
        labels = _labels(family)
        yield _row(family.name, family.type, labels, family.documentation)


def _labels(family: Metric) -> list[str]:
    declared: tuple[str, ...] = getattr(family, "_labelnames", ())
    found: Mapping[str, str] = family.samples[0].labels if family.samples else {}
    return list(declared) or sorted(found)


def _row(name: str, kind: str, labels: Any, meaning: str) -> tuple[str, str]:
    unit = UNITS.get(name.rpartition("_")[2], "")
    whole = f"{name}_total" if kind == "counter" else f"{name}_info" if kind == "info" else name
    shown = ", ".join(f"`{label}`" for label in labels)
    return whole, f"| `{whole}` | {kind} | {shown} | {unit} | {meaning} |"
