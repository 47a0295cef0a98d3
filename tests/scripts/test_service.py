import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scripts import service
from scripts.boot_report import summary, timeline
from scripts.console import Failure
from scripts.service import Ports

UNIT = {"name": "db-wait", "start": 0.1, "duration": 0.25, "state": "done", "result": "sqlite"}
WAITING = {"name": "web", "start": None, "duration": None, "state": "waiting", "result": None}
REPORT = {"units": [WAITING, UNIT, {**WAITING, "name": "extra"}], "ready_seconds": 0.5}


@dataclass
class FakeService:
    """A service as a test tells it to be."""

    status: int | None = None
    lines: list[str] = field(default_factory=lambda: ["its last words"])

    def exit_status(self) -> int | None:
        return self.status

    def last_lines(self, count: int) -> str:
        return "\n".join(self.lines[-count:])

    def hints(self) -> list[str]:
        return ["make logs"]


class Sidecar(ThreadingHTTPServer):
    """A management server with one boot report, started after some questions."""

    questions_until_started = 3

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def ports(self) -> Ports:
        return Ports(app=1, management=self.server_address[1])


class Answer(BaseHTTPRequestHandler):
    """Answer /boot with the report, /startupz with 503 at first."""

    server: Sidecar

    def do_GET(self) -> None:
        if self.path == "/startupz":
            self.server.questions_until_started -= 1
        started = self.server.questions_until_started <= 0
        self.send_response(200 if self.path == "/boot" or started else 503)
        self.end_headers()
        self.wfile.write(json.dumps(REPORT).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def sidecar() -> Iterator[Sidecar]:
    with Sidecar() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_it_waits_until_startup_is_green(
    sidecar: Sidecar, capsys: pytest.CaptureFixture[str]
) -> None:
    service.wait_until_ready(FakeService(), sidecar.ports, timeout=10)
    assert sidecar.questions_until_started == 0
    assert "1 of 3 units" in capsys.readouterr().out


def test_a_service_that_ends_says_status_meaning_and_last_words() -> None:
    with pytest.raises(Failure, match="status 78") as failure:
        service.wait_until_ready(FakeService(status=78), Ports(1, 2), timeout=10)
    assert "the configuration is wrong" in str(failure.value)
    assert "its last words" in str(failure.value)


def test_a_service_that_never_gets_ready_is_given_up() -> None:
    with pytest.raises(Failure, match=r"not ready after 0\.1 s.*make stop"):
        service.wait_until_ready(FakeService(), Ports(1, 2), timeout=0.1)


def test_the_end_tells_address_timeline_and_hints(
    sidecar: Sidecar, capsys: pytest.CaptureFixture[str]
) -> None:
    service.tell(FakeService(), sidecar.ports)
    told = capsys.readouterr().out
    assert "http://127.0.0.1:1/" in told
    assert "0.50 s" in told
    assert "make logs" in told


def test_the_timeline_has_a_row_for_each_unit() -> None:
    assert timeline(REPORT) == [
        "  unit      began    took  result",
        "  db-wait  0.10 s  0.25 s  sqlite",
        "  web                      waiting",
        "  extra                    waiting",
    ]


def test_a_port_somebody_holds_is_an_error_that_says_how_to_choose() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = holder.getsockname()[1]
        with pytest.raises(Failure, match=rf"`PORT={taken + 1} make run`"):
            service.check_ports(Ports(app=taken, management=taken))
        service.check_ports(Ports(app=taken, management=taken), already_ours=frozenset({taken}))


@pytest.mark.parametrize("text", ["0", "65536", "http", "-1", "80 80"])
def test_a_port_that_is_none_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PORT", text)
    with pytest.raises(Failure, match=r"^PORT="):
        Ports.chosen()


def test_both_ports_must_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9464")
    with pytest.raises(Failure, match="both"):
        Ports.chosen()


def test_progress_counts_what_is_done_and_names_what_is_under_way() -> None:
    states = {"metrics": "ready", "env-check": "done", "db-wait": "running", "web": "waiting"}
    report = {"units": [{"name": name, "state": state} for name, state in states.items()]}
    assert summary(report) == "booting: 2 of 4 units, now db-wait"
    assert summary(None) == "booting"
