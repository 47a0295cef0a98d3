"""Unit files that are wrong: all said at once, with file and line, before anything starts."""

import pytest

from tests.support.native_boot import NativeBoot


def refused(boot: NativeBoot) -> list[str]:
    """Return the problems told; nothing may have been started, whatever else."""
    assert boot.run() == 78
    assert not boot.written("started")
    assert "Traceback" not in boot.log()
    assert boot.exit()["status"] == 78
    return [each["message"] for each in boot.lines() if each["level"] == "ERROR"][:-1]


def test_every_problem_is_told_in_one_report_with_file_and_line(boot: NativeBoot) -> None:
    boot.oneshot("good", "touch started")
    boot.unit("unknown", "true", type="oneshot", requires="nowhere")
    boot.unit("left", "true", type="oneshot", requires="right")
    boot.unit("right", "true", type="oneshot", requires="left")
    boot.unit("behind", "true", type="longrun", requires="left")
    boot.conf("half", "[program:half]\ncommand = true\n")
    boot.conf("other-half", "\n[unit:other-half]\ntype = oneshot\n")
    boot.conf("again", "[program:good]\ncommand = true\n[unit:good]\ntype = oneshot\n")
    boot.unit("key", "true", type="oneshot", tiemout=3, timeout="soon")
    boot.unit("owned", "true\nautorestart = true", type="oneshot")
    problems = "\n".join(refused(boot))
    for said in (
        "unknown.conf:3: unknown requires nowhere, which does not exist",
        "left.conf:3: a cycle: left -> right -> left",
        "behind.conf:3: behind can never start: it waits for left",
        "half.conf:1: [program:half] has no unit",
        "other-half.conf:2: [unit:other-half] has no program",
        "good.conf:1: [program:good] stands already at again.conf:1",
        "key.conf:3: [unit:key]: tiemout is not a key of a unit",
        "key.conf:3: [unit:key]: timeout = 'soon'",
        "owned.conf:1: [program:owned] sets autorestart",
    ):
        assert said in problems


def test_a_misspelt_requirement_is_told_with_the_nearest_name(boot: NativeBoot) -> None:
    boot.oneshot("db-wait")
    boot.oneshot("web", requires="db-wiat")
    assert refused(boot) == [
        "web.conf:3: web requires db-wiat, which does not exist; did you mean db-wait?"
    ]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("date +%Y", "command holds a % that supervisord cannot expand"),
        ("echo %(ENV_HOME)s", "command expands the environment"),
        ("echo 'open", "command does not parse"),
        ("", "[program:bad] has no command"),
    ],
)
def test_a_command_that_supervisord_would_trip_over_is_told(
    boot: NativeBoot, command: str, said: str
) -> None:
    boot.unit("bad", command, type="oneshot")
    (problem,) = refused(boot)
    assert problem.startswith(f"bad.conf:1: {said}")


def test_a_doubled_percent_sign_reaches_the_program_as_one(boot: NativeBoot) -> None:
    boot.unit("say", "/bin/echo 100%%", type="oneshot")
    boot.start()
    boot.wait("ready")
    assert boot.messages("say") == ["100%"]


def test_a_file_that_is_no_ini_file_is_told(boot: NativeBoot) -> None:
    boot.conf("garbage", "this is not\nwhat one expects")
    boot.conf_d.joinpath("latin.conf").write_bytes(b"[program:\xff]\n")
    garbage, latin = refused(boot)
    assert garbage.startswith("garbage.conf: cannot be read")
    assert latin.startswith("latin.conf: cannot be read")


def test_an_empty_conf_d_is_told(boot: NativeBoot) -> None:
    (problem,) = refused(boot)
    assert problem == f"{boot.conf_d}: holds no unit; add a NAME.conf file to it"


def test_a_missing_conf_d_is_told(boot: NativeBoot) -> None:
    boot.conf_d.rmdir()
    (problem,) = refused(boot)
    assert problem.startswith(f"{boot.conf_d}: holds no unit")


def test_a_missing_directory_of_the_app_is_told(boot: NativeBoot) -> None:
    boot.oneshot("good")
    boot.environment["EDGEPAAS_APP_DIR"] = "/nowhere/at/all"
    (problem,) = refused(boot)
    assert problem.startswith("/nowhere/at/all: the directory of the app cannot be entered")


def test_what_only_supervisord_finds_wrong_ends_with_78_too(boot: NativeBoot) -> None:
    boot.unit("bad", "true\nstopsignal = NONSENSE", type="oneshot")
    assert boot.run() == 78
    assert "NONSENSE" in boot.log()
    assert "supervisord refused its configuration" in boot.exit()["cause"]
