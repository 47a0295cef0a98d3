"""Eight bytes tell a PostgreSQL that listens from a deaf, a silent and a foreign server."""

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from boot.database import wire
from boot.database.deadline import Deadline
from boot.database.outcome import Verdict
from tests.support.listeners import awaiting_lines, listener, saying, silent
from tests.support.ports import free_port

LISTENS = saying(b"N")


def ask(seconds: float = 1.0, **parameters: str) -> list[Verdict]:
    return [answer.outcome.verdict for answer in wire.ask_all(parameters, Deadline(seconds))]


def ask_port(port: int | str, seconds: float = 1.0) -> Verdict:
    (verdict,) = ask(seconds, host="127.0.0.1", port=str(port))
    return verdict


@pytest.fixture
def web_server() -> Iterator[int]:
    """The port of a real HTTP server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


class Quiet(http.server.BaseHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # its name
        pass


def test_a_web_server_that_waits_for_a_line_is_told_from_a_frozen_postgresql(
    web_server: int,
) -> None:
    assert ask_port(web_server) is Verdict.NOT_POSTGRES


@pytest.mark.parametrize("answer", [b"-NOAUTH Authentication required.\r\n", b"+PONG\r\n"])
def test_a_redis_that_waits_for_a_line_is_told_from_a_frozen_postgresql(answer: bytes) -> None:
    with listener(awaiting_lines(answer)) as port:
        assert ask_port(port) is Verdict.NOT_POSTGRES


@pytest.mark.parametrize("answer", [b"S", b"N", b"E0"])
def test_a_postgresql_that_thaws_late_timed_out(answer: bytes) -> None:
    with listener(awaiting_lines(answer)) as port:
        assert ask_port(port) is Verdict.TIMED_OUT


def test_a_silent_first_host_leaves_time_for_the_second() -> None:
    with listener(silent) as deaf, listener(LISTENS) as alive:
        verdicts = ask(1.0, host="127.0.0.1,127.0.0.1", port=f"{deaf},{alive}")
    assert verdicts == [Verdict.TIMED_OUT, Verdict.OK]


def test_a_host_is_asked_at_its_next_address_where_the_first_is_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with listener(LISTENS) as port:
        resolve_to(monkeypatch, [("127.0.0.2", port), ("127.0.0.1", port)])
        heard = wire.ask_all({"host": "both"}, Deadline(1))
    assert [answer.outcome.verdict for answer in heard] == [Verdict.REFUSED, Verdict.OK]
    assert heard[-1].address == "127.0.0.1"


def test_every_address_is_asked_where_not_any_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with listener(LISTENS) as one, listener(LISTENS) as two:
        resolve_to(monkeypatch, [("127.0.0.1", one), ("127.0.0.1", two)])
        assert ask(1.0, host="both") == [Verdict.OK]
        assert ask(1.0, host="both", target_session_attrs="primary") == [Verdict.OK, Verdict.OK]


def resolve_to(monkeypatch: pytest.MonkeyPatch, addresses: list[tuple[str, int]]) -> None:
    entries = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)


@pytest.mark.parametrize("port", ["0", "65536", "abc", "-1", "9" * 5000, "٣"])
def test_a_port_nobody_can_have_is_a_configuration_error(port: str) -> None:
    assert ask_port(port) is Verdict.CONFIG


@pytest.mark.parametrize(
    "parameters",
    [
        {"host": "a,b,c", "port": "1,2"},
        {"host": "a,b", "hostaddr": "127.0.0.1"},
        {"port": "1,2"},
        {},
    ],
)
def test_lists_that_do_not_match_are_left_to_libpq(parameters: dict[str, str]) -> None:
    assert wire.hosts(parameters) == []


def test_one_port_is_every_hosts() -> None:
    expected = [{"host": "a", "port": "5433"}, {"host": "b", "port": "5433"}]
    assert wire.hosts({"host": "a,b", "port": "5433"}) == expected


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("::1", Verdict.REFUSED),
        ("fe80::1%no-such-zone", Verdict.DNS),
        ("zz::1", Verdict.DNS),
        ("h" * 300, Verdict.DNS),
        ("a..b", Verdict.DNS),
        ("two words", Verdict.DNS),
        ("/" + "long/" * 60, Verdict.CONFIG),
    ],
)
def test_an_odd_host_is_no_traceback(name: str, verdict: Verdict) -> None:
    assert ask(1.0, host=name, port=str(free_port())) == [verdict]


def test_an_ipv6_address_keeps_its_zone() -> None:
    assert wire._numeric((socket.AF_INET6, ("fe80::1", 5432, 0, 1))) == "fe80::1%lo"  # type: ignore[arg-type]  # as getaddrinfo() gives it


def test_a_socket_file_has_no_address(tmp_path: Path) -> None:
    path = tmp_path / ".s.PGSQL.5432"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        (heard,) = wire.ask_all({"host": str(tmp_path)}, Deadline(0.4))
    assert (heard.outcome.verdict, heard.address) == (Verdict.TIMED_OUT, "")
