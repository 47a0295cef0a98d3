from pathlib import Path

import pytest

from app.sre import cgroup
from app.sre.cgroup import Cpu, Memory
from tests.support import cgroups


@pytest.mark.parametrize("make", [cgroups.version_1, cgroups.version_2])
def test_memory_and_cpu_are_read_from_both_versions(make: cgroups.Make, tmp_path: Path) -> None:
    root = make(tmp_path)
    assert cgroup.memory(root) == Memory(600, 2000)
    assert cgroup.cpu(root) == Cpu(7.5, 1.5)


@pytest.mark.parametrize(
    ("make", "changed"),
    [(cgroups.version_1, cgroups.V1_UNLIMITED), (cgroups.version_2, cgroups.V2_UNLIMITED)],
)
def test_no_limit_is_none(make: cgroups.Make, changed: dict[str, str], tmp_path: Path) -> None:
    root = make(tmp_path, **changed)
    assert cgroup.memory(root) is None
    assert cgroup.cpu(root) is None


def test_no_control_group_is_none(tmp_path: Path) -> None:
    assert cgroup.memory(tmp_path) is None
    assert cgroup.cpu(tmp_path) is None
