"""`docker run IMAGE COMMAND` and `docker exec CONTAINER edgepaas VERB`."""

import io
import json
import subprocess
import tarfile
from collections.abc import Mapping

import pytest

from boot.cli import VERBS
from scripts.engine import Engine
from tests.support.container import Container
from tests.support.image_fixtures import Run


@pytest.fixture(scope="module")
def command(docker: Engine, image: str) -> "Command":
    """Run a command in a fresh container, which is removed; return what it printed."""
    return Command(docker, image)


class Command:
    """`docker run --rm IMAGE`."""

    def __init__(self, docker: Engine, image: str) -> None:
        self.docker = docker
        self.image = image

    def __call__(
        self, *command: str, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        options = [f"--env={name}={value}" for name, value in (env or {}).items()]
        return self.docker.run("run", "--rm", *options, self.image, *command)


def test_a_foreign_command_runs_as_it_is(command: Command) -> None:
    done = command("echo", "hi")
    assert (done.returncode, done.stdout, done.stderr) == (0, "hi\n", "")


def test_its_status_passes_through(command: Command) -> None:
    assert command("sh", "-c", "exit 7").returncode == 7


def test_its_arguments_pass_byte_for_byte(command: Command) -> None:
    hostile = ["a b", "$(id)", "`id`", "'", '"', "*", "%s", "é", "", "line\nbreak"]
    done = command("python", "-c", "import sys; print(sys.argv[1:])", *hostile)
    assert done.stdout == f"{hostile}\n"


def test_it_is_pid_1_itself_with_the_usual_signals(command: Command) -> None:
    done = command("grep", "-E", "^(Pid|SigBlk|SigIgn):", "/proc/self/status")
    _, pid, _, blocked, _, ignored = done.stdout.split()
    of_glibc = 0b11 << 31  # signals 32 and 33: an engine started by make hands them on, ignored
    assert (pid, int(blocked, 16), int(ignored, 16) & ~of_glibc) == ("1", 0, 0)


def test_an_unknown_command_is_127_and_one_line(command: Command) -> None:
    done = command("no-such-command")
    assert done.returncode == 127
    assert done.stderr.startswith("no-such-command: no such command, and no verb of edgepaas (")
    assert done.stderr.count("\n") == 1


def test_a_command_that_cannot_be_executed_is_126(command: Command) -> None:
    done = command("/etc/passwd")
    assert (done.returncode, done.stderr) == (126, "/etc/passwd: Permission denied\n")


@pytest.mark.parametrize("word", ["--help", "-h", "help"])
def test_help_names_every_verb(command: Command, word: str) -> None:
    done = command(word)
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()[2:]] == list(VERBS)


def test_an_unknown_option_is_64_with_the_usage(command: Command) -> None:
    done = command("--no-such-option")
    assert done.returncode == 64
    assert "usage: edgepaas VERB" in done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_tells_its_usage(service: Container, verb: str) -> None:
    done = service.exec("edgepaas", verb, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: edgepaas {verb}")


def test_check_finds_nothing_wrong_with_the_defaults(command: Command) -> None:
    done = command("check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing wrong" in done.stdout


def test_check_finds_what_the_boot_would_refuse(command: Command) -> None:
    done = command("check", env={"PORT": "eighty", "EDGEPAAS_DB_MDOE": "sqlite", "TZ": "Mars"})
    assert done.returncode == 78
    for words in ("PORT 'eighty'", "did you mean EDGEPAAS_DB_MODE?", "TZ 'Mars'"):
        assert words in done.stdout + done.stderr


def test_config_tells_value_and_origin(command: Command) -> None:
    done = command("config", "--json", env={"PORT": "8080", "DATABASE_URL": "postgres://u:pw@h/d"})
    told = json.loads(done.stdout)
    assert told["PORT"] == {"value": "8080", "origin": "env"}
    assert told["WEB_CONCURRENCY"] == {"value": "2", "origin": "default"}
    assert "pw" not in told["DATABASE_URL"]["value"]


def test_config_of_a_running_container_tells_what_was_decided(service: Container) -> None:
    told = json.loads(service.check_output("edgepaas", "config", "--json"))
    assert told["DATABASE_URL"] == {"value": "sqlite:////data/edgepaas.db", "origin": "decided"}


def test_boot_of_a_running_container_is_the_table(service: Container) -> None:
    assert "schema-bootstrap" in service.check_output("edgepaas", "boot")


def test_doctor_finds_a_running_container_well(service: Container) -> None:
    done = service.exec("edgepaas", "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ready" in done.stdout


def test_run_gives_a_command_the_environment_of_the_units(service: Container) -> None:
    printed = service.check_output("edgepaas", "run", "sh", "-c", 'echo "$DATABASE_URL"')
    assert printed == "sqlite:////data/edgepaas.db\n"
    assert service.exec("edgepaas", "run", "sh", "-c", "exit 7").returncode == 7


def test_drain_and_undrain_are_verbs_too(laboratory: Container) -> None:
    laboratory.check_output("edgepaas", "drain")
    try:
        assert laboratory.management("/readyz").status == 503
    finally:
        laboratory.check_output("edgepaas", "undrain")
    assert laboratory.management("/readyz").status == 200


def test_a_support_bundle_holds_the_boot_and_no_secret(run: Run, image: str) -> None:
    container = run(image, env={"EDGEPAAS_METRICS_TOKEN": "canary-token"}).ready()
    done = subprocess.run(
        [container.engine.client, "exec", container.id, "edgepaas", "support-bundle", "-"],
        capture_output=True,
        check=True,
    )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as bundle:
        contents = {
            member.name: (bundle.extractfile(member) or io.BytesIO()).read()
            for member in bundle
            if member.isfile()
        }
    assert any(name.endswith("boot.json") for name in contents)
    assert not [name for name, content in contents.items() if b"canary-token" in content]


@pytest.mark.parametrize("verb", ["boot", "doctor", "drain", "undrain", "support-bundle"])
def test_a_verb_for_a_running_container_says_so_where_none_runs(
    command: Command, verb: str
) -> None:
    done = command(verb)
    assert "Traceback" not in done.stderr
    if verb in {"boot", "drain", "undrain"}:
        assert done.returncode != 0
        assert done.stderr


def test_migrate_plan_prints_sql_and_nothing_else(command: Command) -> None:
    done = command("migrate", "plan")
    assert done.returncode == 0, done.stderr
    assert "CREATE TABLE" in done.stdout
    assert not [line for line in done.stdout.splitlines() if line.startswith("{")]


def test_migrate_brings_a_fresh_database_to_head(command: Command) -> None:
    done = command("migrate")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "at head" in done.stdout


def test_a_shell_with_a_terminal_is_the_shell(docker: Engine, image: str) -> None:
    done = docker.run("run", "--rm", "--tty", image, "bash", "-c", "tty && test -t 1")
    assert done.returncode == 0
    assert done.stdout.startswith("/dev/pts/")
