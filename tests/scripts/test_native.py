"""`make run` without an engine: the same tree, natively, from a checkout."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.checkout import ROOT
from scripts.virtualenv import STAMP, Virtualenv
from tests.support.container import get
from tests.support.postgres import free_port

Make = Callable[[str], subprocess.CompletedProcess[str]]


def copy_of_the_tree(folder: Path) -> Path:
    """Copy what git has or would have of this checkout, as a clone would."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    subprocess.run(
        [
            "cp",
            "--parents",
            "--target-directory",
            str(folder),
            *os.fsdecode(listed).split("\0")[:-1],
        ],
        cwd=ROOT,
        check=True,
    )
    return folder


def with_dependencies(checkout: Path) -> Path:
    """Give `checkout` an environment that borrows our dependencies, to save pip's minute."""
    venv = Virtualenv(checkout / "build/venv", (checkout / "requirements/runtime.txt",))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv.path)], check=True)
    (site,) = venv.path.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    (venv.path / STAMP).write_text(venv.digest())
    return checkout


@pytest.fixture(scope="module")
def ports() -> dict[str, str]:
    return {"PORT": str(free_port()), "METRICS_PORT": str(free_port())}


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory, ports: dict[str, str]) -> Iterator[Make]:
    """A function that types `make WORD` in a checkout of one's own."""
    checkout = with_dependencies(copy_of_the_tree(tmp_path_factory.mktemp("checkout")))
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **ports, "EDGEPAAS_ENGINE": "none", "PATH": programs}
    environment.pop("PYTHONPATH", None)

    def make(word: str) -> subprocess.CompletedProcess[str]:
        command = ["make", "--silent", "--no-print-directory", word]
        return subprocess.run(
            command, cwd=checkout, env=environment, capture_output=True, text=True, check=False
        )

    yield make
    make("stop")


def test_it_serves_twice_and_stops(make: Make, ports: dict[str, str]) -> None:
    started = make("run")
    assert started.returncode == 0, started.stdout + started.stderr
    assert "natively, without a container: EDGEPAAS_ENGINE=none" in started.stdout
    assert f"http://127.0.0.1:{ports['PORT']}/" in started.stdout
    assert get(int(ports["PORT"]), "/health/ready").status == 200
    boot = get(int(ports["METRICS_PORT"]), "/boot").json()
    assert make("run").returncode == 0
    assert get(int(ports["METRICS_PORT"]), "/boot").json()["boot_id"] != boot["boot_id"]
    assert make("stop").stdout == "edgepaas: stopped; the data stays\n"
    with pytest.raises(ConnectionRefusedError):
        get(int(ports["PORT"]), "/")


def test_stopping_nothing_is_no_error(make: Make) -> None:
    make("stop")
    stopped = make("stop")
    assert (stopped.returncode, stopped.stdout) == (0, "edgepaas: nothing to stop\n")
