"""The operator's command, run as the process it is."""

import subprocess
import sys
from collections.abc import Mapping
from typing import NamedTuple

PATIENCE = 240.0


class Done(NamedTuple):
    """How the command ended and what it printed."""

    status: int
    out: str
    err: str

    @property
    def first(self) -> str:
        """Return the first line of stdout."""
        return self.out.partition("\n")[0]


def edgepaas(environment: Mapping[str, str], *words: str, **more: str) -> Done:
    """Run `edgepaas WORDS` in an environment, with `more` added to it."""
    done = raw(environment, *words, **more)
    out, err = (stream.decode(errors="backslashreplace") for stream in (done.stdout, done.stderr))
    assert "Traceback" not in out + err, out + err
    return Done(done.returncode, out, err)


def raw(
    environment: Mapping[str, str], *words: str, **more: str
) -> "subprocess.CompletedProcess[bytes]":
    """Run it and return what it printed as bytes."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "boot.cli", *words],
        env={**environment, **more},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
