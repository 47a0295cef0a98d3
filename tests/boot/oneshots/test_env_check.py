"""env-check as the process it is: what it writes, what it says, how it ends."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from boot.contract import default_root, load
from boot.environment import read_all
from boot.exit_status import ExitStatus
from tests.support.contract_root import ContractRoot

LAYER = default_root() / "opt/edgepaas"
CANARY = "c4n4ry-s3cr3t"
HOSTILE = b"a'b\"c $(id) `id` %s %(ENV_PATH)s ; # \\ \xc3\xa9 \xe2\x98\x83 \xff\nsecond line"


class Done:
    """A run of env-check that ended."""

    def __init__(self, run_dir: Path, environ: dict[str, str]) -> None:
        command = [sys.executable, "-m", "boot.oneshots.env_check"]
        base = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(LAYER),
            "EDGEPAAS_RUN_DIR": str(run_dir),
        }
        self.process = subprocess.run(
            command, env={**base, **environ}, capture_output=True, timeout=60, check=False
        )
        self.status = self.process.returncode
        self.text = self.process.stdout.decode()
        assert self.process.stderr == b""

    @property
    def records(self) -> list[dict[str, str]]:
        """The JSON lines."""
        return [json.loads(line) for line in self.text.splitlines()]


def run(run_dir: Path, **environ: str) -> Done:
    return Done(run_dir, environ)


def test_it_writes_every_effective_value_and_says_how_many(tmp_path: Path) -> None:
    done = run(tmp_path, PORT="8001", WEB_CONCURRENCY="04", TZ="")
    assert done.status == ExitStatus.OK
    written = read_all(tmp_path / "env")
    assert written["PORT"] == "8001"
    assert written["WEB_CONCURRENCY"] == "4"
    assert written["TZ"] == "UTC"
    assert written.keys() < load(default_root()).variables.keys()
    (record,) = done.records
    assert (record["level"], record["program"]) == ("INFO", "env-check")
    assert record["message"] == f"2 set, {len(written) - 2} by default, 0 from files"


def test_it_writes_private_files(tmp_path: Path) -> None:
    run(tmp_path)
    modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "env").iterdir()}
    assert modes == {0o600}


@pytest.mark.parametrize("name", ["EDGEPAAS_METRICS_TOKEN", "EDGEPAAS_METRICS_TOKEN_FILE"])
def test_hostile_bytes_come_through_as_they_are(tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(HOSTILE + b"\n")
    done = run(tmp_path, **{name: str(secret) if "FILE" in name else os.fsdecode(HOSTILE)})
    assert done.status == ExitStatus.OK
    assert (tmp_path / "env/EDGEPAAS_METRICS_TOKEN").read_bytes() == HOSTILE
    assert ("1 from files" in done.text) is ("FILE" in name)


def test_all_problems_are_in_one_report_of_a_line_each_and_a_summary(tmp_path: Path) -> None:
    wrong = {"PORT": "0", "LOG_LEVEL": "loud", "TZ": "Mars", "EDGEPAAS_PROT": "1"}
    done = run(tmp_path, **wrong)
    assert done.status == ExitStatus.CONFIG
    *each, summary = done.records
    assert {record["variable"] for record in each} == wrong.keys()
    assert all(record["set"] and record["see"].startswith("docs/environment.md") for record in each)
    assert {record["level"] for record in done.records} == {"ERROR"}
    assert summary["message"].startswith("4 problems with the environment: ")
    assert not (tmp_path / "env").exists()


def test_in_text_the_report_is_one_block(tmp_path: Path) -> None:
    done = run(tmp_path, LOG_FORMAT="text", PORT="0", WEB_CONCURRENCY="0")
    first, *rest = done.text.splitlines()
    assert first.endswith("ERROR env-check: 2 problems with the environment: PORT, WEB_CONCURRENCY")
    assert all(line.startswith("  ") for line in rest)
    assert "      set   -e PORT=8080" in rest


def test_the_report_comes_whatever_the_log_level(tmp_path: Path) -> None:
    assert "PORT" in run(tmp_path, LOG_LEVEL="critical", PORT="0").text


def test_a_wrong_log_format_is_reported_in_the_default_one(tmp_path: Path) -> None:
    done = run(tmp_path, LOG_FORMAT="yaml")
    assert done.records[0]["variable"] == "LOG_FORMAT"


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_secret_is_ever_printed(tmp_path: Path, form: str) -> None:
    file = tmp_path / "file"
    file.write_text(CANARY + "\r\n", encoding="ascii")
    done = run(
        tmp_path,
        LOG_FORMAT=form,
        DATABASE_URL=f"oracle://u:{CANARY}@h/d",
        EDGEPAAS_MIGRATION_DATABASE_URL=CANARY,
        EDGEPAAS_METRICS_TOKEN_FILE=str(file),
        EDGEPAAS_API_TOKEN=CANARY,
        EDGEPAAS_APP=f"postgresql://u:{CANARY}@h/d",
    )
    assert done.status == ExitStatus.CONFIG
    assert CANARY not in done.text


def test_a_run_directory_that_is_not_there_ends_with_73_naming_the_path(tmp_path: Path) -> None:
    done = run(tmp_path / "none")
    assert done.status == ExitStatus.CANNOT_WRITE
    assert str(tmp_path / "none/env") in done.records[-1]["message"]


def test_mistakes_in_environment_d_end_with_78_naming_file_and_key(tmp_path: Path) -> None:
    root = ContractRoot(tmp_path / "root")
    file = root.add("mine.toml", "[variables.PORT]\ndefualt = 1")
    done = run(tmp_path, EDGEPAAS_ROOT=str(root.path))
    assert done.status == ExitStatus.CONFIG
    assert f"{file}: variables.PORT defualt" in done.records[0]["message"]


def test_a_variable_of_a_derived_image_is_checked_and_written(tmp_path: Path) -> None:
    root = ContractRoot(tmp_path / "root")
    root.add("mine.toml", '[variables.SHOP]\nmeaning = "x"\ntype = "int"\nmin = 3\ndefault = 5')
    assert run(tmp_path, EDGEPAAS_ROOT=str(root.path)).status == ExitStatus.OK
    assert read_all(tmp_path / "env")["SHOP"] == "5"
    done = run(tmp_path, EDGEPAAS_ROOT=str(root.path), SHOP="2")
    assert done.records[0]["variable"] == "SHOP"


def test_it_imports_no_heavy_module() -> None:
    script = "import sys, boot.oneshots.env_check; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    environ = {**os.environ, "PYTHONPATH": str(LAYER)}
    loaded = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    heavy = {"dataclasses", "inspect", "difflib", "shlex", "subprocess", "tempfile", "socket"}
    heavy |= {"argparse", "asyncio", "sqlalchemy", "psycopg2", "supervisor", "boot.database.url"}
    assert not heavy.intersection(loaded.stdout.split())
