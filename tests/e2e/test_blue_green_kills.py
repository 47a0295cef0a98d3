"""Whatever is killed in the middle of a deploy: exactly one slot is live and answers at the end."""

import os
import random
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.bluegreen.images import releases
from tests.support.bluegreen.proxies import HAProxy, Nginx, Proxy
from tests.support.bluegreen.stage import Stage, stage
from tests.support.bluegreen.traffic import Traffic
from tests.support.postgres import PostgresServer
from tests.support.wait import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.postgres, pytest.mark.timeout(7200)]
STEPS = ("prepare", "start", "wait", "smoke", "switch", "prove", "drain", "stop")
VICTIMS = ("script", "container", "proxy", "PostgreSQL")
KILLS = int(os.environ.get("BLUE_GREEN_KILLS") or 0)
SEED = int(os.environ.get("BLUE_GREEN_SEED") or 7)
PATIENCE = 600.0


class Kill(NamedTuple):
    """Who is killed, how many seconds after which step was begun."""

    victim: str
    step: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.victim} {self.seconds:.2f} s after {self.step} began"


LEAN = {
    Nginx: [Kill("script", "prove", 0.0), Kill("container", "wait", 0.5)],
    HAProxy: [
        Kill("script", "start", 0.1),
        Kill("PostgreSQL", "wait", 0.1),
        Kill("proxy", "switch", 0.0),
    ],
}


def kills_for(kind: type[Proxy]) -> list[Kill]:
    """Return the kills to try: a few chosen ones, or as many random ones as asked for."""
    if not KILLS:
        return LEAN[kind]
    dice = random.Random(SEED + (kind is HAProxy))  # noqa: S311 - to be repeatable
    count = KILLS // 2 + (KILLS % 2 if kind is Nginx else 0)
    return [
        Kill(VICTIMS[number % 4], dice.choice(STEPS), dice.uniform(0, 1.5))
        for number in range(count)
    ]


@pytest.mark.parametrize("kind", [Nginx, HAProxy], ids=["nginx", "haproxy"])
def test_one_slot_is_live_whatever_is_killed(
    image: str,
    new_postgres_server: Callable[..., PostgresServer],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: type[Proxy],
) -> None:
    server = new_postgres_server()
    server.start()
    env = {
        "DATABASE_URL": server.url(server.new_database()),
        "WEB_CONCURRENCY": "1",
        "EDGEPAAS_DB_POOL_SIZE": "4",
        "EDGEPAAS_DB_MODE": "postgres",
    }
    (tmp_path / "images").mkdir()
    with releases(image, tmp_path / "images") as made, stage(tmp_path, kind, env) as host:
        host.does("deploy", made.new().tag)
        with Traffic(host.proxy.port) as traffic:
            for number, kill in enumerate(kills_for(kind)):
                words = ("rollback",) if number % 4 == 3 else ("deploy", made.new().tag)
                ended = attempt(host, server, traffic, kill, words)
                live = settled(host)
                traffic.forgiving.clear()
                with capsys.disabled():
                    said = f"{kind.program}: {words[0]}, killed {kill}: {ended}, {live} is live"
                    sys.stdout.write(f"\n{said}\n")
            final = made.new()
            host.does("deploy", final.tag)
            assert host.assert_one_is_live()["through_the_proxy"]["build"] == final.build
    with capsys.disabled():
        sys.stdout.write(f"{kind.program}: {traffic.told()}\n")
    assert not traffic.failed, "outside the faults nothing fails"
    assert [each.lost for each in traffic.followers] == [0, 0], "what was acknowledged is told"
    assert [each.doubled for each in traffic.followers] == [0, 0]


def attempt(
    host: Stage, server: PostgresServer, traffic: Traffic, kill: Kill, words: tuple[str, ...]
) -> str:
    """Run a word, kill in the middle of it, and run it again if it was the script that died."""
    process = host.begin(*words)
    reached = wait_until(
        lambda: step_of(host) == kill.step or process.poll() is not None, PATIENCE, kill.step, 0.005
    )
    assert reached
    with suppress(AssertionError):
        wait_until(lambda: process.poll() is not None, kill.seconds, "the moment")
    traffic.forgiving.set()
    if kill.victim == "script":
        process.kill()
    elif kill.victim == "container":
        end_container(host)
    elif kill.victim == "proxy":
        host.proxy.kill()
        host.proxy.start()
    else:
        server.kill()
        server.start()
    status = process.wait(PATIENCE)
    if host.state()["operation"] is not None:
        host.does(*words)
        return f"ended with {status}, run again"
    return f"ended with {status}"


def end_container(host: Stage) -> None:
    """Kill PID 1 of the slot that is being deployed."""
    operation = host.state()["operation"]
    pid = host.pid(operation["slot"]) if operation else 0
    if pid:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def settled(host: Stage) -> str:
    """Wait until the live slot is ready, check that all is as it should be, return its name."""
    wait_until(lambda: host.word("status").returncode == 0, PATIENCE, "all is well", 0.2)
    return str(host.assert_one_is_live()["live"])


def step_of(host: Stage) -> str:
    operation = host.state()["operation"]
    return str(operation["step"]) if operation else ""
