"""edgepaas check: the same verdict as the boot, with nothing started."""

import os
import subprocess
import sys
from pathlib import Path

from boot.contract import default_root
from boot.exit_status import ExitStatus
from tests.support.contract_root import ContractRoot
from tests.support.oneshot import APPS

LAYER = default_root() / "opt/edgepaas"
CONF_D = "etc/supervisor/conf.d"
UNIT = """\
[program:{name}]
command = {command}

[unit:{name}]
type = oneshot
requires = {requires}
"""


def check(root: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "boot.cli", "check", *arguments]
    base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(LAYER), "EDGEPAAS_ROOT": str(root)}
    return subprocess.run(
        command, env={**base, **environ}, capture_output=True, text=True, timeout=60, check=False
    )


def with_unit(path: Path, *, name: str = "mine", command: str = "true", requires: str = "") -> Path:
    """Return a root with one unit of one's own."""
    root = ContractRoot(path / "root").path
    (root / CONF_D).mkdir(parents=True)
    text = UNIT.format(name=name, command=command, requires=requires)
    (root / CONF_D / f"10-{name}.conf").write_text(text, encoding="utf-8")
    return root


def test_nothing_wrong_is_said_in_one_line(tmp_path: Path) -> None:
    done = check(with_unit(tmp_path), PORT="8001")
    assert done.returncode == ExitStatus.OK
    assert done.stdout.startswith("nothing wrong: 1 set, ")
    assert done.stdout.endswith("; units: 1\n")
    assert done.stderr == ""


def test_it_starts_nothing_and_writes_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    check(with_unit(tmp_path, command=f"touch {mark}"), EDGEPAAS_RUN_DIR=str(run_dir))
    assert not mark.exists()
    assert not list(run_dir.iterdir())


def test_it_touches_no_database(tmp_path: Path) -> None:
    done = check(
        with_unit(tmp_path),
        DATABASE_URL="postgresql://user:password@192.0.2.1:5432/db",  # leads nowhere
        EDGEPAAS_DB_MODE="postgres",
    )
    assert done.returncode == ExitStatus.OK


def test_problems_of_environment_and_units_are_told_together(tmp_path: Path) -> None:
    root = with_unit(tmp_path, requires="nobody", command="no-such-program")
    done = check(root, PORT="0", WEB_CONCURRENCY="0")
    assert done.returncode == ExitStatus.CONFIG
    for part in ("PORT '0'", "WEB_CONCURRENCY '0'", "-e PORT=8080", "requires nobody", "no-such"):
        assert part in done.stdout
    assert "Traceback" not in done.stderr


def test_a_wrong_environment_alone_is_78(tmp_path: Path) -> None:
    assert check(with_unit(tmp_path), TZ="Mars").returncode == ExitStatus.CONFIG


def test_a_cycle_alone_is_78(tmp_path: Path) -> None:
    done = check(with_unit(tmp_path, requires="mine"))
    assert done.returncode == ExitStatus.CONFIG
    assert "a cycle: mine -> mine" in done.stdout


def test_a_broken_contract_is_78_naming_the_file(tmp_path: Path) -> None:
    root = with_unit(tmp_path)
    (root / "etc/edgepaas/environment.d/mine.toml").write_text("[[[", encoding="ascii")
    done = check(root)
    assert done.returncode == ExitStatus.CONFIG
    assert "mine.toml is not valid TOML" in done.stderr


def test_a_migration_that_older_images_cannot_serve_is_a_hint(tmp_path: Path) -> None:
    done = check(
        with_unit(tmp_path),
        EDGEPAAS_SCHEMA_MIGRATIONS="shop:alembic",
        EDGEPAAS_APP_DIR=str(APPS),
    )
    assert done.returncode == ExitStatus.OK
    _, *hinted = done.stdout.splitlines()
    assert [line.split()[:3] for line in hinted] == [
        ["hint:", "migration", "b2"],
        ["hint:", "migration", "c3"],
    ]
    assert "min_reader" in hinted[0]


def test_migrations_that_cannot_run_are_a_hint(tmp_path: Path) -> None:
    versions = tmp_path / "broken/alembic/versions"
    versions.mkdir(parents=True)
    (tmp_path / "broken/alembic/env.py").touch()
    (versions / "b.py").write_text('revision = "b"\ndown_revision = "a"\n')
    where = {"EDGEPAAS_SCHEMA_MIGRATIONS": "broken:alembic", "EDGEPAAS_APP_DIR": str(tmp_path)}
    done = check(with_unit(tmp_path), **where)
    assert done.returncode == ExitStatus.OK
    assert "hint: migrations build on a, which the image does not have" in done.stdout


def test_no_secret_is_printed(tmp_path: Path) -> None:
    done = check(with_unit(tmp_path), DATABASE_URL="mysql://u:c4n4ry@h/d", EDGEPAAS_TOKENS="c4n4ry")
    assert done.returncode == ExitStatus.CONFIG
    assert "c4n4ry" not in done.stdout + done.stderr


def test_an_argument_is_a_bad_command_line(tmp_path: Path) -> None:
    done = check(tmp_path, "--verbose")
    assert done.returncode == ExitStatus.USAGE
    assert "usage: edgepaas check" in done.stderr


def test_help_is_no_error(tmp_path: Path) -> None:
    done = check(tmp_path, "--help")
    assert done.returncode == ExitStatus.OK
    assert done.stdout.startswith("usage: edgepaas check")
