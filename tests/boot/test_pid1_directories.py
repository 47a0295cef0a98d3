"""A run directory that cannot be written, and what an earlier boot left in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mounts import filled, mounted
from tests.support.native_boot import NativeBoot


@pytest.fixture
def read_only_run(boot: NativeBoot) -> Iterator[Path]:
    """A run directory on a read-only file system."""
    yield from mounted(boot.run_dir, "ro")


@pytest.fixture
def full_run(boot: NativeBoot) -> Iterator[Path]:
    """A run directory on a file system that is full."""
    for path in mounted(boot.run_dir, "size=64k"):
        filled(path)
        yield path


def test_a_read_only_run_directory_ends_it_with_73_and_a_clear_line(
    boot: NativeBoot, read_only_run: Path
) -> None:
    boot.oneshot("step", "touch started")
    assert boot.run() == 73
    (line,) = boot.messages()
    assert f"{read_only_run} cannot be written: Read-only file system" in line
    assert "mount tmpfs there" in line


def test_a_full_run_directory_ends_it_with_74_and_a_clear_line(
    boot: NativeBoot, full_run: Path
) -> None:
    boot.oneshot("step", "touch started")
    assert boot.run() == 74
    assert f"{full_run} cannot be written: No space left on device" in boot.messages()[-1]
    assert "Traceback" not in boot.log()
    assert not boot.written("started")


def test_a_run_directory_that_fills_up_later_does_not_stop_the_container(
    boot: NativeBoot,
) -> None:
    boot.longrun("service", f"read line < {boot.gate()}; exit 1", restarts="0/60")
    for path in mounted(boot.run_dir, "size=256k"):
        boot.start()
        boot.wait("ready")
        filled(path)
        boot.ctl("drain")
        boot.ctl("undrain")
        assert boot.process.poll() is None
        boot.open_gate()
        assert boot.ended() == 71
        assert sum("boot.json cannot be written" in line for line in boot.messages()) == 1


def test_what_an_earlier_boot_left_is_not_taken_for_this_one_s(boot: NativeBoot) -> None:
    env = boot.run_dir / "env"
    env.mkdir(parents=True)
    (env / "COLOUR").write_text("of an earlier boot")
    for name in ("draining", "exit.json", "boot.json", "notify.sock"):
        (boot.run_dir / name).write_text("{}")
    boot.oneshot("see", 'echo "${COLOUR-unset}" >> seen')
    boot.start()
    boot.wait("ready")
    assert boot.written("seen") == ["unset"]
    assert not (boot.run_dir / "draining").exists()
    assert not boot.exit()


def test_the_files_for_the_owner_alone_are_closed_to_others(boot: NativeBoot) -> None:
    boot.oneshot("step")
    boot.start()
    boot.wait("ready")
    modes = {
        name: oct((boot.run_dir / name).stat().st_mode & 0o777)
        for name in ("env", "supervisord.conf", "supervisor.sock", "notify.sock", "boot.json")
    }
    assert modes == {
        "env": "0o700",
        "supervisord.conf": "0o600",
        "supervisor.sock": "0o700",
        "notify.sock": "0o700",
        "boot.json": "0o640",
    }
