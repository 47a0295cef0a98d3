"""A container of the image under test: started, asked, waited for, always removed."""

import http.client
import json
import re
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import testinfra

from scripts.engine import Engine
from tests.support.ports import free_port
from tests.support.wait import wait_until

APP_PORT = 8000
MANAGEMENT_PORT = 9464
# Patience, no expectation: on a busy machine a boot takes a hundred times as long.
READY_SECONDS = 180.0
EXIT_SECONDS = 180.0
HTTP_SECONDS = 10.0
LOOK_SECONDS = 1.0
HARDENED = (
    "--read-only",
    "--tmpfs=/run",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
)
COMPLAINT = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b|^Traceback|^\s+File \"")
ANYTHING = (".",)


@dataclass(frozen=True)
class Response:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:
        """Return the body as what its JSON says."""
        return json.loads(self.text)


def get(
    port: int, path: str, method: str = "GET", body: str | None = None, **headers: str
) -> Response:
    """Ask 127.0.0.1:`port`; raises OSError or http.client.HTTPException without an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HTTP_SECONDS)
    try:
        connection.request(method, path, body, {"connection": "close", **headers})
        answer = connection.getresponse()
        lowered = {name.lower(): value for name, value in answer.getheaders()}
        return Response(answer.status, lowered, answer.read().decode())
    finally:
        connection.close()


@dataclass
class Container:
    """One container, running or ended."""

    engine: Engine
    id: str
    # Where it shares the host's network: inside port to host port. Else the engine chooses.
    fixed_ports: Mapping[int, int] = field(default_factory=dict)
    # Regular expressions of warnings and errors this container is meant to log.
    expected: list[str] = field(default_factory=list)

    def inspect(self) -> dict[str, Any]:
        """Return what the engine knows of it."""
        answer: list[dict[str, Any]] = json.loads(
            self.engine.output("container", "inspect", self.id)
        )
        return answer[0]

    def is_running(self) -> bool:
        """Tell whether it runs."""
        return bool(self.inspect()["State"]["Running"])

    @property
    def pid(self) -> int:
        """The host's pid of its PID 1."""
        return int(self.inspect()["State"]["Pid"])

    @property
    def address(self) -> str:
        """Its IP address on its (first) network."""
        networks = self.inspect()["NetworkSettings"]["Networks"]
        return str(next(iter(networks.values()))["IPAddress"])

    @property
    def health(self) -> str:
        """What the engine says of its HEALTHCHECK: starting, healthy or unhealthy."""
        return str(self.inspect()["State"]["Health"]["Status"])

    @cached_property
    def host(self) -> Any:
        """It as a testinfra host."""
        return testinfra.get_host(f"docker://{self.id}")

    # what it says

    def logs(self) -> str:
        """Return everything it wrote, stderr after stdout."""
        done = self.engine.run("logs", self.id)
        return done.stdout + done.stderr

    def log_records(self) -> list[dict[str, Any]]:
        """Return its log lines that are JSON objects."""
        lines = (line for line in self.logs().splitlines() if line.startswith("{"))
        return [json.loads(line) for line in lines]

    def last_record(self) -> dict[str, Any]:
        """Return the last line of its log, which must be JSON."""
        return self.log_records()[-1]

    def complaints(self) -> list[str]:
        """Return the warnings, errors and tracebacks in its log that nobody expected."""
        lines = [line for line in self.logs().splitlines() if COMPLAINT.search(line)]
        return [
            line for line in lines if not any(re.search(known, line) for known in self.expected)
        ]

    @cached_property
    def _published(self) -> dict[str, Any]:
        ports: dict[str, Any] = self.inspect()["NetworkSettings"]["Ports"]
        return ports

    # what it answers

    def port(self, inside: int = APP_PORT) -> int:
        """Return the port of 127.0.0.1 that leads to port `inside`."""
        if inside in self.fixed_ports:
            return self.fixed_ports[inside]
        return int(self._published[f"{inside}/tcp"][0]["HostPort"])

    def url(self, path: str = "/", port: int = APP_PORT) -> str:
        """Return the URL of `path`."""
        return f"http://127.0.0.1:{self.port(port)}{path}"

    def http(self, path: str, port: int = APP_PORT, **request: Any) -> Response:
        """Ask the app; `method`, `body` and headers by keyword."""
        return get(self.port(port), path, **request)

    def management(self, path: str) -> Response:
        """Ask the sidecar."""
        return self.http(path, MANAGEMENT_PORT)

    def boot(self) -> dict[str, Any]:
        """Return the live boot report."""
        report: dict[str, Any] = self.management("/boot").json()
        return report

    def answers(self, path: str, port: int = APP_PORT) -> bool:
        """Tell whether `path` answers 200 now."""
        try:
            return self.http(path, port).status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def ready(self, timeout: float = READY_SECONDS) -> "Container":
        """Wait until it is ready and return it; fails with its log when it has ended."""
        looked = time.monotonic()

        def is_ready() -> bool:
            nonlocal looked
            if self.answers("/readyz", MANAGEMENT_PORT) and self.answers("/health/ready"):
                return True
            # Asking the engine takes more of the processor than the boot: seldom.
            if time.monotonic() - looked > LOOK_SECONDS:
                self._assert_running()
                looked = time.monotonic()
            return False

        wait_until(is_ready, timeout, f"container {self.id[:12]} ready")
        return self

    def _assert_running(self) -> None:
        state = self.inspect()["State"]
        assert state["Running"], f"ended with {state['ExitCode']} before ready:\n{self.logs()}"

    # what it is told

    def exec(
        self, *command: str, user: str | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `command` in it; return status and what it printed."""
        options = [f"--env={name}={value}" for name, value in (env or {}).items()]
        options += [f"--user={user}"] if user else []
        return self.engine.run("exec", *options, self.id, *command)

    def check_output(self, *command: str, **options: Any) -> str:
        """Run `command` in it, which must succeed; return what it printed."""
        done = self.exec(*command, **options)
        assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr}"
        return done.stdout

    def send(self, signal: str) -> None:
        """Send PID 1 a signal, by its name without SIG."""
        self.engine.output("kill", f"--signal={signal}", self.id)

    def stop(self, timeout: int = 20) -> tuple[int, float]:
        """Stop it as `docker stop` does; return its exit status and the seconds it took."""
        started = time.monotonic()
        self.engine.output("stop", f"--time={timeout}", self.id)
        return self.wait_exit(), time.monotonic() - started

    def restart(self) -> None:
        """Stop it and start it again, as `docker restart` does."""
        self.engine.output("restart", self.id)
        self.__dict__.pop("_published", None)

    def wait_exit(self, timeout: float = EXIT_SECONDS) -> int:
        """Wait until it has ended; return its exit status."""
        try:
            return int(self.engine.run("wait", self.id, timeout=timeout).stdout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end within {timeout:g} s:\n{self.logs()}") from None

    def remove(self) -> None:
        """Remove it and its anonymous volumes, whatever it does."""
        self.engine.run("rm", "--force", "--volumes", self.id)


def start(  # noqa: PLR0913 (each is one option of `docker run`, by keyword)
    engine: Engine,
    image: str,
    *command: str,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    read_only: bool = True,
    data: str | None = "/data",
    network: str | None = None,
    expected: Iterable[str] = (),
    options: Sequence[str] = (),
) -> Container:
    """Start a container of `image`.

    With network="host" it serves on free ports of 127.0.0.1, and reaches what listens there.
    `read_only` takes the whole hardening of `make run` (read-only root, no capabilities); `data`
    is the value of --volume, by default an anonymous volume, None for no volume; `expected` are
    regular expressions of warnings and errors it is meant to log (ANYTHING for all); `options` go
    to `docker run` as they are.
    """
    arguments = ["run", "--detach", *(HARDENED if read_only else ()), *options]
    if data:
        arguments.append(f"--volume={data}")
    if user:
        arguments.append(f"--user={user}")
    if network:
        arguments.append(f"--network={network}")
    fixed_ports = {}
    if network == "host":
        fixed_ports = {APP_PORT: free_port(), MANAGEMENT_PORT: free_port()}
        arguments += [f"--env=PORT={fixed_ports[APP_PORT]}", "--env=EDGEPAAS_BIND=127.0.0.1"]
        arguments += [f"--env=EDGEPAAS_METRICS_PORT={fixed_ports[MANAGEMENT_PORT]}"]
        arguments += ["--env=EDGEPAAS_METRICS_BIND=127.0.0.1"]
    else:
        arguments += [f"--publish=127.0.0.1::{APP_PORT}", f"--publish=127.0.0.1::{MANAGEMENT_PORT}"]
    arguments += [f"--env={name}={value}" for name, value in (env or {}).items()]
    identity = engine.output(*arguments, image, *command)
    return Container(engine, identity, fixed_ports, list(expected))
