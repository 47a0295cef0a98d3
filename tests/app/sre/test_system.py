from pathlib import Path

import pytest

from app.sre import system


def test_every_check_has_a_value_a_threshold_and_a_verdict(tmp_path: Path) -> None:
    report = system.report(tmp_path)
    assert report["status"] in {"ok", "degraded"}
    for name, check in report["checks"].items():
        assert check["ok"] == (check["value"] <= check["threshold"]), name
    assert report["checks"]["disk"]["free_bytes"] > 0
    assert report["checks"]["descriptors"]["open"] >= 3


def test_one_value_over_its_threshold_degrades_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "DISK_SHARE", -1.0)
    report = system.report(tmp_path)
    assert report["status"] == "degraded"
    assert report["checks"]["disk"]["ok"] is False


def test_what_cannot_be_known_is_neither_good_nor_bad(tmp_path: Path) -> None:
    check = system.report(tmp_path / "missing")["checks"]["disk"]
    assert check["ok"] is None
    assert check["error"] == "FileNotFoundError"


def test_a_memory_limit_of_the_container_counts_instead_of_the_hosts_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("950\n")
    monkeypatch.setattr(system, "CGROUP", tmp_path)
    check = system.report(tmp_path)["checks"]["memory"]
    assert (check["ok"], check["value"], check["total_bytes"]) == (False, 0.95, 1000)


def test_a_container_without_a_limit_is_measured_by_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("950\n")
    monkeypatch.setattr(system, "CGROUP", tmp_path)
    assert system.report(tmp_path)["checks"]["memory"]["total_bytes"] > 1000
