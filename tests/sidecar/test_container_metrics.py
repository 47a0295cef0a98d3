"""The container's limits as metrics, from trees of both versions."""

from pathlib import Path

import pytest

from boot.cgroup import Cgroup
from sidecar.container_metrics import collect
from tests.support import cgroups

BOTH = {
    "edgepaas_container_memory_bytes": 600,
    "edgepaas_container_memory_limit_bytes": 2000,
    "edgepaas_container_memory_peak_bytes": 1500,
    "edgepaas_container_oom_kills_total": 2,
    "edgepaas_container_memory_limit_hits_total": 5,
    "edgepaas_container_cpu_seconds_total": 7.5,
    "edgepaas_container_cpu_limit_cores": 1.5,
    "edgepaas_container_cpu_periods_total": 100,
    "edgepaas_container_cpu_throttled_periods_total": 40,
    "edgepaas_container_cpu_throttled_seconds_total": 2.5,
    "edgepaas_container_processes": 7,
    "edgepaas_container_processes_limit": 50,
    "edgepaas_container_forks_refused_total": 1,
}
LIMITS = {name for name in BOTH if "_limit" in name and not name.endswith("_total")}
PRESSURE = {
    ("memory", "some"): 9.0,
    ("memory", "full"): 4.0,
    ("cpu", "some"): 1.0,
    ("io", "some"): 0.5,
}


def samples(root: Path) -> dict[str, float]:
    """Return the samples without labels."""
    families = collect(Cgroup(root, root / "none"))
    return {
        each.name: each.value for family in families for each in family.samples if not each.labels
    }


@pytest.mark.parametrize("make", [cgroups.version_1, cgroups.version_2])
def test_both_versions_tell_the_same(make: cgroups.Make, tmp_path: Path) -> None:
    assert samples(make(tmp_path)) == BOTH


@pytest.mark.parametrize(
    ("make", "changed"),
    [(cgroups.version_1, cgroups.V1_UNLIMITED), (cgroups.version_2, cgroups.V2_UNLIMITED)],
)
def test_without_limits_there_are_no_series_of_them(
    make: cgroups.Make, changed: dict[str, str], tmp_path: Path
) -> None:
    assert samples(make(tmp_path, **changed)).keys() == BOTH.keys() - LIMITS


def test_pressure_is_told_by_resource_and_share(tmp_path: Path) -> None:
    *_, family = collect(Cgroup(cgroups.version_2(tmp_path), tmp_path / "none"))
    found = {(each.labels["resource"], each.labels["share"]): each.value for each in family.samples}
    assert found == PRESSURE


def test_where_there_is_no_control_group_nothing_is_told(tmp_path: Path) -> None:
    assert samples(tmp_path) == {}
