"""Whoever the container runs as, the places it writes are its own."""

import pytest

from tests.support.container import HARDENED
from tests.support.engine import docker, in_image

WRITE = "touch /run/x /tmp/x /data/x && mkdir -p /run/edgepaas && touch /run/edgepaas/x && id -u"


def write_as(image: str, user: str, *options: str) -> tuple[int, str]:
    """Write where the service writes, in a container of `user`; return status and output."""
    command = ["run", "--rm", f"--user={user}", "--volume=/data", "--entrypoint=sh", *options]
    done = docker().run(*command, image, "-c", WRITE)
    return done.returncode, (done.stdout + done.stderr).strip()


@pytest.mark.parametrize("user", ["10001", "12345:0", "0"])
@pytest.mark.parametrize("options", [(), HARDENED], ids=["plain", "hardened"])
def test_it_can_write_where_the_service_writes(
    image: str, user: str, options: tuple[str, ...]
) -> None:
    assert write_as(image, user, *options) == (0, user.partition(":")[0])


@pytest.mark.parametrize("user", ["10001", "12345:0"])
def test_it_cannot_change_the_code_it_runs(image: str, user: str) -> None:
    places = ("/srv", "/opt/edgepaas/boot", "/opt/venv", "/etc", "/usr/bin")
    done = in_image(image, "touch", *(f"{place}/x" for place in places), user=user)
    assert done.stderr.count("Permission denied") == len(places)


def test_the_user_has_a_name(image: str) -> None:
    assert in_image(image, "id").stdout == "uid=10001(edgepaas) gid=0(root) groups=0(root)\n"


def test_every_tool_a_person_at_the_shell_wants_is_there(image: str) -> None:
    tools = (
        "bash sh ls cat grep sed find ps env id stat getent head tail sort python supervisorctl "
        "awk diff du df free less more nc netstat nslookup ping pidof strings tar top uptime vi xxd"
    )
    script = f"for tool in {tools}; do command -v $tool >/dev/null || echo $tool; done"
    assert in_image(image, "bash", "-c", script).stdout == ""


def test_signals_can_be_blocked_before_pid_1_begins(image: str) -> None:
    done = in_image(image, "env", "--block-signal=TERM", "--list-signal-handling", "true")
    assert "TERM" in done.stderr
