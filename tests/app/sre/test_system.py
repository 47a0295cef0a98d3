from pathlib import Path

import pytest

from app.settings import SettingsError, load
from app.sre import cgroup, system
from app.sre.cgroup import Cpu, Memory
from app.sre.system import Machine, Thresholds, Used


def machine(directory: Path, **thresholds: float) -> Machine:
    return Machine(directory, Thresholds(**thresholds))


def test_every_check_has_a_value_a_threshold_and_a_verdict(tmp_path: Path) -> None:
    report = machine(tmp_path).report()
    assert report["status"] in {"ok", "degraded"}
    for name, check in report["checks"].items():
        assert check["ok"] == (check["value"] <= check["threshold"]), name
    assert report["checks"]["disk"]["free_bytes"] > 0
    assert report["checks"]["descriptors"]["open"] >= 3


def test_one_value_over_its_threshold_degrades_the_whole(tmp_path: Path) -> None:
    report = machine(tmp_path, disk=-1.0).report()
    assert report["status"] == "degraded"
    assert report["checks"]["disk"]["ok"] is False


def test_the_thresholds_are_the_contract_s() -> None:
    given = {"EDGEPAAS_SYSTEM_DISK_PERCENT": "75", "EDGEPAAS_SYSTEM_CPU_PERCENT": "50"}
    assert load(given).thresholds == Thresholds(cpu=0.5, disk=0.75)
    with pytest.raises(SettingsError, match="EDGEPAAS_SYSTEM_DISK_PERCENT"):
        load({"EDGEPAAS_SYSTEM_DISK_PERCENT": "most"})


def test_what_cannot_be_known_is_neither_good_nor_bad(tmp_path: Path) -> None:
    check = machine(tmp_path / "missing").report()["checks"]["disk"]
    assert check["ok"] is None
    assert check["error"] == "FileNotFoundError"


def test_a_limit_of_the_container_counts_instead_of_the_hosts_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup, "memory", lambda: Memory(950, 1000))
    check = machine(tmp_path).report()["checks"]["memory"]
    assert (check["ok"], check["value"], check["total_bytes"]) == (False, 0.95, 1000)


def test_a_container_without_a_limit_is_measured_by_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup, "memory", lambda: None)
    assert machine(tmp_path).report()["checks"]["memory"]["total_bytes"] > 1_000_000


def test_the_cpu_is_measured_against_the_quota_since_the_last_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([Used(10.0, 100.0, 2.0), Used(10.1, 100.1, 2.0), Used(11.1, 101.1, 2.0)])
    monkeypatch.setattr(system, "cpu_used", lambda: next(looks))
    monkeypatch.setattr(system, "SAMPLE_SECONDS", 0.0)
    looked = machine(tmp_path, cpu=0.4)
    first, second = (looked.report()["checks"]["cpu"] for _ in range(2))
    assert (first["value"], first["seconds"], first["cpus"]) == (0.5, 0.1, 2.0)
    assert (second["value"], second["seconds"], second["ok"]) == (0.5, 1.0, False)


def test_a_quota_is_what_there_is_of_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "cpu", lambda: Cpu(7.5, 1.5))
    assert system.cpu_used()[1:] == (7.5, 1.5)


def test_without_a_quota_the_cpu_is_the_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup, "cpu", lambda: None)
    check = machine(tmp_path).report()["checks"]["cpu"]
    assert 0 <= check["value"] <= 1
    assert check["cpus"] >= 1
