"""edgepaas config: what is in effect and where it is from, never a secret."""

import json
import os
import subprocess
import sys
from pathlib import Path

from boot import environment
from boot.contract import default_root
from boot.exit_status import ExitStatus

LAYER = default_root() / "opt/edgepaas"
CANARY = "c4n4ry-s3cr3t"


def config(run_dir: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "boot.cli", "config", *arguments]
    base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(LAYER), "EDGEPAAS_RUN_DIR": str(run_dir)}
    return subprocess.run(
        command, env={**base, **environ}, capture_output=True, text=True, timeout=60, check=False
    )


def as_json(run_dir: Path, **environ: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(config(run_dir, "--json", **environ).stdout)
    return found


def row(text: str, name: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.split()[0] == name)
    return line.split()


def test_each_value_has_its_origin(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(CANARY, encoding="ascii")
    done = config(tmp_path, PORT="8001", EDGEPAAS_METRICS_TOKEN_FILE=str(file))
    assert done.returncode == ExitStatus.OK
    assert row(done.stdout, "PORT") == ["PORT", "8001", "env"]
    assert row(done.stdout, "TZ") == ["TZ", "UTC", "default"]
    assert row(done.stdout, "EDGEPAAS_METRICS_TOKEN") == ["EDGEPAAS_METRICS_TOKEN", "***", "file"]
    assert "EDGEPAAS_MIGRATION_DATABASE_URL" not in done.stdout


def test_what_a_unit_wrote_is_decided(tmp_path: Path) -> None:
    values = {
        "PORT": "8000",
        "DATABASE_URL": "sqlite:////data/fallback.db",
        "EDGEPAAS_DB_BACKEND": "sqlite",
        "SOMETHING_ELSE": CANARY,
    }
    environment.write_all(values, tmp_path / "env")
    found = as_json(tmp_path, DATABASE_URL="postgresql://u:p@h/d")
    assert found["DATABASE_URL"] == {"value": "sqlite:////data/fallback.db", "origin": "decided"}
    assert found["EDGEPAAS_DB_BACKEND"] == {"value": "sqlite", "origin": "decided"}
    assert found["PORT"] == {"value": "8000", "origin": "default"}
    assert found["SOMETHING_ELSE"] == {"value": "***", "origin": "decided"}


def test_a_database_url_is_shown_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://user:{CANARY}@host/db?sslpassword={CANARY}"
    found = as_json(tmp_path, DATABASE_URL=url)
    assert found["DATABASE_URL"]["value"] == "postgresql://user:***@host/db"


def test_no_secret_is_printed_wherever_it_stands(tmp_path: Path) -> None:
    secrets = {
        "DATABASE_URL": f"postgresql://user:a/{CANARY}@host/db",
        "EDGEPAAS_MIGRATION_DATABASE_URL": f"postgresql://user:a%2F{CANARY}@host/db",
        "EDGEPAAS_METRICS_TOKEN": CANARY,
        "EDGEPAAS_DATA_DIR": f"/data/postgresql://u:{CANARY}@h",
    }
    for arguments in ((), ("--json",)):
        done = config(tmp_path, *arguments, **secrets)
        assert CANARY not in done.stdout + done.stderr


def test_a_wrong_environment_is_78_and_the_rest_is_shown(tmp_path: Path) -> None:
    done = config(tmp_path, PORT="0", WEB_CONCURRENCY="3")
    assert done.returncode == ExitStatus.CONFIG
    assert row(done.stdout, "WEB_CONCURRENCY") == ["WEB_CONCURRENCY", "3", "env"]
    assert "PORT; see `edgepaas check`" in done.stderr


def test_a_value_of_several_lines_does_not_break_the_table(tmp_path: Path) -> None:
    environment.write_all({"EDGEPAAS_DB_REASON": "one\ntwo\udcff"}, tmp_path / "env")
    assert r"'one\ntwo\udcff'" in config(tmp_path).stdout


def test_an_unknown_argument_is_a_bad_command_line(tmp_path: Path) -> None:
    done = config(tmp_path, "--yaml")
    assert done.returncode == ExitStatus.USAGE
    assert "usage: edgepaas config" in done.stderr


def test_help_is_no_error(tmp_path: Path) -> None:
    assert config(tmp_path, "--help").stdout.startswith("usage: edgepaas config")
