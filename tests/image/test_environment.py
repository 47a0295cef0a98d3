"""The container environment: who inherits it, where it stands, what happens to hostile values."""

import shlex
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.support.container import Container
from tests.support.image_fixtures import Run
from tests.support.inside import environment, pid_of

APPS = Path(__file__).resolve().parents[1] / "support/apps"
ENVIRON_APP = f"--volume={APPS / 'environ_app.py'}:/srv/environ_app.py:ro"
HOSTILE = "a'b\"c $(touch /data/pwned) `touch /data/pwned` %s %(ENV_PATH)s ; # \\ é ☃\nsecond line"
RUN_FILES = {
    "boot.json": 0o640,
    "notify.sock": 0o700,
    "supervisor.sock": 0o700,
    "supervisord.conf": 0o600,
}


@pytest.fixture(scope="module")
def hostile(run_shared: Run, image: str) -> Container:
    """A ready container with a variable of hostile characters, whose app tells its environment."""
    env = {"SOMEBODY_ELSES": HOSTILE, "SLOT": "blue", "TZ": "Asia/Tokyo"}
    return run_shared(
        image, env={**env, "EDGEPAAS_APP": "environ_app:app"}, options=[ENVIRON_APP]
    ).ready()


def test_a_foreign_variable_reaches_the_services_byte_for_byte(hostile: Container) -> None:
    assert environment(hostile, pid_of(hostile, "metrics"))["SOMEBODY_ELSES"] == HOSTILE
    assert hostile.http("/environ").json()["SOMEBODY_ELSES"] == HOSTILE
    assert hostile.exec("test", "-e", "/data/pwned").returncode == 1


def test_the_app_inherits_what_env_check_and_db_wait_decided(hostile: Container) -> None:
    seen = hostile.http("/environ").json()
    assert seen["PORT"] == "8000"
    assert seen["DATABASE_URL"] == "sqlite:////data/edgepaas.db"
    assert seen["EDGEPAAS_DB_BACKEND"] == "sqlite"
    assert seen["SUPERVISOR_PROCESS_NAME"] == "web"
    assert "EDGEPAAS_GATE" not in seen


def test_the_slot_and_the_time_zone_reach_app_and_log(hostile: Container) -> None:
    assert hostile.http("/version").json()["slot"] == "blue"
    last = hostile.last_record()
    assert last["slot"] == "blue"
    assert last["time"].endswith("+09:00")


def test_one_private_file_for_each_variable(host: Any) -> None:
    directory = host.file("/run/edgepaas/env")
    assert (directory.user, directory.group, directory.mode) == ("edgepaas", "root", 0o700)
    listing = host.check_output("stat -c %a /run/edgepaas/env/*").splitlines()
    assert set(listing) == {"600"}
    assert host.file("/run/edgepaas/env/DATABASE_URL").content_string.startswith("sqlite:")


@pytest.mark.parametrize(("name", "mode"), RUN_FILES.items())
def test_files_of_the_run_directory_are_closed_to_others(host: Any, name: str, mode: int) -> None:
    file = host.file(f"/run/edgepaas/{name}")
    assert file.exists
    assert oct(file.mode) == oct(mode)
    assert file.user == "edgepaas"


def test_nothing_of_the_run_directory_is_open_to_others_to_write(service: Container) -> None:
    listing = service.check_output("find", "/run/edgepaas", "-perm", "/022")
    assert listing == ""


def test_the_seeds_shell_file_is_private_and_quoted(host: Any) -> None:
    file = host.file("/tmp/db_env.sh")
    assert file.is_file
    assert stat.S_IMODE(file.mode) == 0o600
    lines = file.content_string.splitlines()
    words = [shlex.split(line) for line in lines]
    assert all(len(each) == 2 and each[0] == "export" for each in words)
    assert "DATABASE_URL=sqlite:////data/edgepaas.db" in [each[1] for each in words]


def test_the_seeds_shell_file_can_be_sourced(service: Container) -> None:
    script = 'unset DATABASE_URL; . /tmp/db_env.sh; printf %s "$DATABASE_URL"'
    assert service.check_output("sh", "-c", script) == "sqlite:////data/edgepaas.db"


def test_a_secret_from_a_file_reaches_the_service_and_the_file_name_does_not_count(
    run: Run, image: str, tmp_path: Path
) -> None:
    secret = tmp_path / "token"
    secret.write_text("token-from-a-file\n")
    secret.chmod(0o644)
    container = run(
        image,
        env={"EDGEPAAS_METRICS_TOKEN_FILE": "/run/secrets/token"},
        options=[f"--volume={secret}:/run/secrets/token:ro"],
    ).ready()
    assert container.management("/metrics").status == 401
    bearer = {"authorization": "Bearer token-from-a-file"}
    assert container.http("/metrics", 9464, **bearer).status == 200
    config = container.check_output("edgepaas", "config")
    assert "token-from-a-file" not in config
    row = next(line for line in config.splitlines() if line.startswith("EDGEPAAS_METRICS_TOKEN "))
    assert row.split()[1:] == ["***", "file"]
