"""edgepaas run: beside a real PID 1, and where nothing runs."""

import json
import shlex
import subprocess

import pytest

from tests.support.native_boot import NativeBoot
from tests.support.operator import edgepaas

SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def environment_of(boot: NativeBoot, **more: str) -> dict[str, str]:
    """Return the environment a command is given."""
    done = edgepaas(boot.environment, "run", "python", "-c", SHOW, **more)
    assert done.status == 0, done.err
    return dict(json.loads(done.out))


def test_in_a_running_container_it_has_what_units_wrote(boot: NativeBoot) -> None:
    boot.oneshot("decide", 'printf %s "a b" > "$EDGEPAAS_RUN_DIR/env/DECIDED"')
    boot.longrun("web", requires="decide", ready="started")
    boot.start()
    boot.wait("ready")
    found = environment_of(boot)
    assert found["DECIDED"] == "a b"
    assert found["EDGEPAAS_BOOT_ID"] == boot.report()["boot_id"]
    assert str(boot.directory) in found["PYTHONPATH"].split(":")


def test_a_command_does_not_write_metrics_among_the_workers(boot: NativeBoot) -> None:
    boot.oneshot("decide", 'printf 1 > "$EDGEPAAS_RUN_DIR/env/DECIDED"')
    boot.longrun("web", ready="started")
    boot.start()
    boot.wait("ready")
    assert "PROMETHEUS_MULTIPROC_DIR" not in environment_of(boot)
    assert "PROMETHEUS_MULTIPROC_DIR" not in environment_of(boot, EDGEPAAS_RUN_DIR="/nonexistent")


def test_where_nothing_runs_the_environment_is_completed(boot: NativeBoot) -> None:
    found = environment_of(boot)
    assert found["PORT"] == "8000"
    assert found["DATABASE_URL"] == f"sqlite:///{boot.directory}/data/edgepaas.db"


def test_where_nothing_runs_the_database_is_spelt_as_units_get_it(boot: NativeBoot) -> None:
    found = environment_of(boot, DATABASE_URL="postgres://u:p%40ss@db/shop")
    assert found["DATABASE_URL"] == "postgresql+psycopg2://u:p%40ss@db/shop"


def test_a_secret_from_a_file_has_its_value(boot: NativeBoot) -> None:
    path = boot.file("token", "a-long-secret")
    found = environment_of(boot, EDGEPAAS_METRICS_TOKEN_FILE=str(path))
    assert found["EDGEPAAS_METRICS_TOKEN"] == "a-long-secret"


def test_a_wrong_environment_is_reported_and_nothing_run(boot: NativeBoot) -> None:
    done = edgepaas(boot.environment, "run", "echo", "ran", PORT="x", WEB_CONCURRENCY="0")
    assert (done.status, done.out) == (78, "")
    assert "PORT" in done.err
    assert "WEB_CONCURRENCY" in done.err


def test_production_without_a_database_is_refused(boot: NativeBoot) -> None:
    done = edgepaas(boot.environment, "run", "true", ENVIRONMENT="production")
    assert done.status == 78
    assert "DATABASE_URL" in done.err


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("sh", "-c", "exit 7"), 7),
        (("--", "sh", "-c", "exit 8"), 8),
        (("no-such-command",), 127),
        (("/",), 126),
        ((), 64),
        (("--",), 64),
        (("--nonsense",), 64),
        (("--help",), 0),
    ],
)
def test_exit_statuses_are_a_shells(boot: NativeBoot, words: tuple[str, ...], status: int) -> None:
    assert edgepaas(boot.environment, "run", *words).status == status


def test_words_of_the_command_are_left_alone(boot: NativeBoot) -> None:
    done = edgepaas(boot.environment, "run", "--", "printf", "%s|", "--", "-x", "a b", "")
    assert done.out == "--|-x|a b||"


def test_a_command_starts_with_the_signals_a_shell_would_give(boot: NativeBoot) -> None:
    command = ["grep", "-E", "Sig(Ign|Blk)", "/proc/self/status"]
    # make leaves glibc's signals ignored, nohup SIGHUP: a shell passes that on.
    of_a_shell = subprocess.check_output(["sh", "-c", shlex.join(command)], text=True)
    assert edgepaas(boot.environment, "run", *command).out == of_a_shell


def test_a_broken_contract_is_named(boot: NativeBoot) -> None:
    done = edgepaas(boot.environment, "run", "true", EDGEPAAS_ROOT="/nonexistent")
    assert done.status == 78
    assert "/nonexistent/etc/edgepaas/environment.toml" in done.err
