"""nginx and HAProxy told which slot is live: for real, without a container."""

import http.client
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts.bluegreen import config, proxy
from scripts.bluegreen.outcome import Outcome, Stopped
from tests.support.bluegreen.proxies import HAProxy, Nginx, Proxy

KINDS = [Nginx, HAProxy]
Make = Callable[..., tuple[Proxy, proxy.Proxy]]


class Slot(BaseHTTPRequestHandler):
    """Says its name, and whom the proxy says it asks for."""

    server: "Server"

    def do_GET(self) -> None:
        said = f"{self.server.name} {self.headers['X-Forwarded-For']} {self.headers['Host']}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), Slot)
        self.name = name


@pytest.fixture
def slots() -> Iterator[dict[str, Server]]:
    servers = {name: Server(name) for name in ("blue", "green")}
    threads = [threading.Thread(target=one.serve_forever, args=(0.02,)) for one in servers.values()]
    for thread in threads:
        thread.start()
    yield servers
    for one in servers.values():
        one.shutdown()
        one.server_close()
    for thread in threads:
        thread.join()


@pytest.fixture
def make(slots: dict[str, Server], tmp_path: Path) -> Iterator[Make]:
    """A function that starts a proxy before the slots, and returns it and how we tell it."""
    started: list[Proxy] = []

    def start(kind: type[Proxy], **settings: object) -> tuple[Proxy, proxy.Proxy]:
        ports = {name: server.server_address[1] for name, server in slots.items()}
        real = kind(tmp_path, ports)
        real.start()
        started.append(real)
        lines = ["[slots]", f"blue = {ports['blue']} 1", f"green = {ports['green']} 2"]
        given = {**real.settings(), **settings}
        lines += ["[proxy]", *(f"{key} = {value}" for key, value in given.items())]
        path = tmp_path / "blue-green.ini"
        path.write_text("\n".join(lines))
        return real, proxy.of(config.load(path))

    yield start
    for real in started:
        real.kill()


def answer(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/", headers={"Host": "ops.test"})
    said = connection.getresponse()
    text = said.read().decode()
    connection.close()
    return text if said.status == http.client.OK else str(said.status)


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_is_told_is_live_answers_and_outlives_its_death(
    make: Make, kind: type[Proxy]
) -> None:
    real, told = make(kind)
    told.check()
    assert told.live() is None
    assert answer(real.port) in {"502", "503"}
    for slot in ("blue", "green", "green", "blue"):
        told.switch(slot)
        assert told.live() == slot
        assert answer(real.port) == f"{slot} 127.0.0.1 ops.test"
    told.retire("green")
    real.kill()
    real.start()
    assert told.live() == "blue"
    assert answer(real.port).startswith("blue")
    told.switch(None)
    assert told.live() is None
    assert answer(real.port) in {"502", "503"}


def test_nginx_is_not_reloaded_with_a_configuration_it_refuses(make: Make, tmp_path: Path) -> None:
    real, told = make(Nginx)
    told.switch("blue")
    (tmp_path / "edgepaas.conf").write_text("nonsense;")
    with pytest.raises(proxy.ProxyError, match="unknown directive"):
        told.switch("green")
    assert told.live() == "blue"
    assert answer(real.port).startswith("blue")


def test_nginx_that_does_not_take_up_the_file_is_noticed(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.bluegreen.proxy_nginx.RELOAD_SECONDS", 0.1)
    _, told = make(Nginx, reload="true")
    with pytest.raises(proxy.ProxyError, match="did not take up"):
        told.switch("blue")


def test_without_its_upstream_file_it_says_where_that_is(make: Make, tmp_path: Path) -> None:
    _, told = make(Nginx)
    (tmp_path / "upstream.conf").unlink()
    with pytest.raises(Stopped, match=r"copy deploy/nginx/edgepaas-upstream\.conf there"):
        told.check()


def test_an_upstream_file_of_somebody_else_is_left_alone(make: Make, tmp_path: Path) -> None:
    _, told = make(Nginx)
    file = tmp_path / "upstream.conf"
    file.write_text("upstream edgepaas { server 127.0.0.1:1; }\n")
    with pytest.raises(Stopped, match="not written by this script"):
        told.switch("blue")
    assert "127.0.0.1:1;" in file.read_text()


def test_an_haproxy_that_is_away_may_be_tried_again(make: Make) -> None:
    real, told = make(HAProxy)
    real.kill()
    with pytest.raises(proxy.ProxyError, match="does not answer on") as failure:
        told.switch("blue")
    assert failure.value.status == Outcome.TRY_AGAIN


def test_an_haproxy_with_other_servers_is_told_what_should_be_there(make: Make) -> None:
    _, told = make(HAProxy, upstream="nothing")
    with pytest.raises(Stopped, match="Can't find backend") as failure:
        told.check()
    assert failure.value.status == Outcome.CONFIG
