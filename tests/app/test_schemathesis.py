"""The API is what its description says, whatever is sent: asked by schemathesis."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.app.conftest import ROOT

PROGRAM = Path(sys.executable).with_name("schemathesis")
CONFIG = ROOT / "tests/app/schemathesis.toml"


@pytest.mark.timeout(1200)  # some seven hundred requests, on a machine that may do much else
def test_schemathesis_finds_nothing(client: httpx.Client, tmp_path: Path) -> None:
    url = str(client.base_url.join("/openapi.json"))
    client.get(url, timeout=120)  # the first time it is made, and schemathesis waits only 10 s
    argv = [str(PROGRAM), "--config-file", str(CONFIG), "run", url, "--no-color"]
    asked = subprocess.run(
        argv,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stdout + asked.stderr
