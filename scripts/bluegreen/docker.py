"""The docker client, as a host without this checkout's tools has it."""

from __future__ import annotations

import os
import subprocess

from scripts import engine
from scripts.bluegreen.outcome import Outcome, Stopped

ANSWER_SECONDS = 20


class Docker:
    """Runs the client. Its processes are in a session of their own: Ctrl-C is for us alone."""

    def __init__(self, client: str) -> None:
        self.client = client

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the client and return what it printed, whatever its status."""
        return subprocess.run(
            [self.client, *arguments],
            env={**os.environ, "DOCKER_CLI_HINTS": "false"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            start_new_session=True,
            check=False,
        )

    def output(self, *arguments: str) -> str:
        """Return what the client printed; raises Stopped with its own words when it failed."""
        done = self.run(*arguments)
        if done.returncode != 0:
            raise Stopped(f"`docker {' '.join(arguments[:2])}` failed: {done.stderr.strip()}")
        return done.stdout.strip()


def find() -> Docker:
    """Return a client whose daemon answers; raises Stopped."""
    seen = "no docker on PATH"
    for client in engine.clients():
        try:
            done = subprocess.run(
                [client, "version", "--format", "{{.Server.Version}}"],
                capture_output=True,
                text=True,
                timeout=ANSWER_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            seen = f"{client}: the daemon did not answer within {ANSWER_SECONDS} s"
            continue
        if done.returncode == 0:
            return Docker(client)
        seen = done.stderr.strip()
    raise Stopped(f"no container engine answers: {seen}", Outcome.TRY_AGAIN)
