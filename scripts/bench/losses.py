"""What a stop, a restart and a death lose of mixed load: `make bench`, or this module alone."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from scripts import engine
from scripts.bench import balancer
from scripts.bench.contestants import VENV
from scripts.bench.fanout import free_port
from scripts.bench.traffic import Traffic
from scripts.checkout import IMAGE, ROOT, build_directory
from scripts.console import Failure, say
from scripts.container import HARDENING
from scripts.engine import Engine

REQUESTS = 20_000
BETWEEN = 400
DIRECT_TIMES = 5
DELAY, BUDGET = 5, 120
READY_SECONDS = 600.0
PATH = "-v", f"{ROOT}/scripts/bench/mixed_app.py:/srv/mixed_app.py:ro"


@dataclass(frozen=True)
class Loss:
    """A case: how often it was done, and what became of the requests meanwhile."""

    case: str
    times: int
    answered: int
    failed: int
    turned_away: int
    longest: float
    failures: dict[str, int]


class Slot:
    """One container on ports of 127.0.0.1, in the host's network: no proxy of the engine's."""

    def __init__(self, docker: Engine, image: str, **variables: object) -> None:
        self.docker = docker
        self.port, self.management = free_port(), free_port()
        given = {
            "EDGEPAAS_APP": "mixed_app:app",
            "EDGEPAAS_BIND": "127.0.0.1",
            "EDGEPAAS_METRICS_BIND": "127.0.0.1",
            "EDGEPAAS_METRICS_PORT": self.management,
            "EDGEPAAS_STOP_TIMEOUT": BUDGET,
            "PORT": self.port,
            **variables,
        }
        environment = [f"--env={name}={value}" for name, value in given.items()]
        options = ["--detach", "--network=host", "--volume=/data", *HARDENING, *PATH]
        self.id = docker.output("run", *options, *environment, image)

    def ready(self) -> Slot:
        """Wait until it is; raises Failure."""
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise Failure(
                    f"a container is not ready:\n{self.docker.run('logs', self.id).stdout}"
                )
            time.sleep(0.1)
        return self

    def is_ready(self) -> bool:
        """Tell what its readiness says."""
        try:
            urlopen(f"http://127.0.0.1:{self.management}/readyz", timeout=2).close()
        except (URLError, OSError):
            return False
        return True

    def stop(self) -> None:
        """Stop it as `docker stop` does; raises Failure unless it ends with 0."""
        self.docker.output("stop", f"--time={BUDGET + 10}", self.id)
        status = self.docker.output("wait", self.id)
        if status != "0":
            last = self.docker.run("logs", "--tail=20", self.id).stdout
            raise Failure(f"the container ended with {status}:\n{last}")

    def start(self) -> None:
        """Start it again and wait until it is ready."""
        self.docker.output("start", self.id)
        self.ready()

    def tell(self, *command: str) -> None:
        """Run a command in it."""
        self.docker.output("exec", self.id, *command)

    def kill(self, signal: str, whose: str) -> None:
        """Send a signal to what a shell command names."""
        self.tell("bash", "-c", f"kill -{signal} {whose}")

    def remove(self) -> None:
        """Remove it, with its data."""
        self.docker.run("rm", "--force", "--volumes", self.id)


WEB = "$(supervisorctl pid web)"
WORKER = "$(set -- $(cat /proc/$(supervisorctl pid web)/task/*/children); echo $1)"


def restart_web(slot: Slot) -> None:
    """Restart web, and wait until it serves."""
    slot.tell("supervisorctl", "restart", "web")
    slot.ready()


def stop_and_start(slot: Slot) -> None:
    """Stop the container, and start it again."""
    slot.stop()
    slot.start()


def kill_arbiter(slot: Slot) -> None:
    """Kill gunicorn's arbiter, which ends the container; start it again."""
    slot.kill("KILL", WEB)
    slot.docker.output("wait", slot.id)
    slot.start()


CASES: Sequence[tuple[str, Callable[[Slot], None], dict[str, object]]] = (
    ("docker stop, no proxy", stop_and_start, {}),
    ("supervisorctl restart web", restart_web, {}),
    ("reload by HUP", lambda slot: slot.kill("HUP", "1"), {}),
    ("workers recycled", lambda _: None, {"EDGEPAAS_WEB_MAX_REQUESTS": 150}),
    ("kill -9 of a worker", lambda slot: slot.kill("KILL", WORKER), {}),
    ("kill -9 of the arbiter", kill_arbiter, {}),
)


def measure(requests: int, times: int) -> list[Loss]:
    """Return what each case loses: the first with so many requests, the others so many times."""
    docker = engine.ensure()
    losses = [behind_a_proxy(docker, requests)]
    losses += [direct(docker, name, act, times, given) for name, act, given in CASES]
    return losses


def behind_a_proxy(docker: Engine, requests: int) -> Loss:
    """Stop one of two containers after the other until so many requests were answered."""
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        given = {"EDGEPAAS_DRAIN_DELAY": DELAY}
        pair = [stack.enter_context(running(docker, **given)) for _ in range(2)]
        servers = [balancer.Server(each.port, each.management) for each in pair]
        port, stops = free_port(), 0
        stack.enter_context(balancer.balancing(port, servers, Path(folder)))
        with Traffic(VENV.python, port, proxied=True) as traffic:
            while traffic.answered < requests:
                slot = pair[stops % 2]
                slot.stop()
                stops += 1
                traffic.more(BETWEEN)
                slot.start()
                traffic.more(BETWEEN)
    return loss("docker stop behind HAProxy", stops, traffic)


def direct(
    docker: Engine, name: str, act: Callable[[Slot], None], times: int, given: dict[str, object]
) -> Loss:
    """Do something to a container so many times while clients ask it directly."""
    with running(docker, **given) as slot, Traffic(VENV.python, slot.port) as traffic:
        for _ in range(times):
            traffic.more(BETWEEN)
            act(slot)
        traffic.more(BETWEEN)
    return loss(name, times, traffic)


@contextmanager
def running(docker: Engine, **variables: object) -> Iterator[Slot]:
    """Run a container for the length of the block."""
    slot = Slot(docker, os.environ.get("IMAGE") or IMAGE, **variables)
    try:
        yield slot.ready()
    finally:
        slot.remove()


def loss(case: str, times: int, traffic: Traffic) -> Loss:
    """Return what the traffic met with."""
    figures = traffic.figures
    return Loss(
        case,
        times,
        figures["answered"],
        figures["failed"],
        figures["turned_away"],
        figures["longest"],
        figures["failures"],
    )


def table(losses: Sequence[Loss]) -> str:
    """Return the losses for people."""
    lines = [
        f"\n{'mixed load':28} {'times':>6} {'answered':>9} {'failed':>7} {'refused':>8} longest"
    ]
    for each in losses:
        lines.append(
            f"{each.case:28} {each.times:>6} {each.answered:>9} {each.failed:>7} "
            f"{each.turned_away:>8} {each.longest:6.1f} s"
        )
        lines += [f"    {count} x {what}" for what, count in sorted(each.failures.items())]
    return "\n".join([*lines, ""])


def figures(losses: Sequence[Loss]) -> dict[str, object]:
    """Return the losses as plain values."""
    return {each.case: asdict(each) for each in losses}


def main() -> int:
    """Measure this alone, as make bench does with the rest; return 0."""
    VENV.ensure()
    build_directory("bench")
    found = measure(
        int(os.environ.get("REQUESTS") or REQUESTS), int(os.environ.get("TIMES") or DIRECT_TIMES)
    )
    say("what is lost of mixed load")
    print(table(found), flush=True)
    return 0


if __name__ == "__main__":
    from scripts import console

    console.run(main)
