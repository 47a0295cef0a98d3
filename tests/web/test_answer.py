"""The head of an answer goes out with its body, and what goes out is what uvicorn would send."""

import asyncio
import gc
import http.client
import logging
import socket
import weakref
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
import uvloop
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from tests.support.web_unit import WebUnit
from web import answer
from web.answer import Answer

Start = Callable[..., WebUnit]
Messages = list[dict[str, Any]]
LENGTH = (b"content-length", b"5")

STREAM = """
import asyncio

may_go_on = asyncio.Event()

async def app(scope, receive, send):
    if scope["path"] == "/go-on":
        may_go_on.set()
    head = [(b"content-length", b"5")]
    if scope["path"] == "/smuggle":
        head.append((b"x-a", b"1\\nset-cookie: stolen"))
    await send({"type": "http.response.start", "status": 200, "headers": head})
    if scope["path"] == "/stream":
        await may_go_on.wait()
    if scope["path"] == "/fail":
        raise RuntimeError("after the head was given")
    await send({"type": "http.response.body", "body": b"hello"})
"""


class Transport:
    """Keeps what is written, one entry for each write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.writes.append(data)

    def writelines(self, parts: tuple[bytes, ...]) -> None:
        """Keep all of it as one."""
        self.writes.append(b"".join(parts))

    def close(self) -> None:
        """Be closed."""
        self.closed = True

    def is_closing(self) -> bool:
        """Tell whether it is closed."""
        return self.closed


class Flow:
    """A connection that takes what it is given."""

    write_paused = False

    async def drain(self) -> None:
        """Take all."""


def cycle_of(
    kind: type[RequestResponseCycle], transport: Transport, method: str, *, keep_alive: bool = True
) -> RequestResponseCycle:
    """Return a request whose answer is written to `transport`."""
    parts: dict[str, Any] = {"scope": {"method": method}, "transport": transport, "flow": Flow()}
    return kind(
        **parts,
        logger=logging.getLogger("uvicorn.error"),
        access_logger=logging.getLogger("uvicorn.access"),
        access_log=False,
        default_headers=[(b"date", b"today")],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=keep_alive,
        on_response=lambda: None,
    )


def sent(
    kind: type[RequestResponseCycle], messages: Messages, method: str, *, keep_alive: bool
) -> tuple[list[bytes], bool, str]:
    """Return what was written, whether the connection was closed, and what was refused."""
    transport = Transport()

    async def send_all() -> str:
        cycle = cycle_of(kind, transport, method, keep_alive=keep_alive)
        try:
            for message in messages:
                await cycle.send(message)  # type: ignore[arg-type]  # some are wrong on purpose
        except RuntimeError as error:
            return str(error)
        return ""

    refused = asyncio.run(send_all())
    return transport.writes, transport.closed, refused


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(data: bytes = b"hello", *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def told(writes: list[bytes]) -> tuple[list[bytes], bytes]:
    """Return the lines of the head, whose order tells nothing but for the first, and the body."""
    head, _, rest = b"".join(writes).partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    return [first, *sorted(lines)], rest


ANSWERS = {
    "whole": [start(LENGTH), body()],
    "capital letters": [start((b"Content-Length", b"5"), (b"X-A", b"1")), body()],
    "no length": [start((b"x-a", b"1")), body()],
    "chunked as it says": [start((b"transfer-encoding", b"Chunked")), body()],
    "chunked and a length": [start(LENGTH, (b"transfer-encoding", b"chunked")), body()],
    "two lengths": [start(LENGTH, (b"content-length", b"6")), body()],
    "in pieces": [start(LENGTH), body(b"he", more=True), body(b"llo")],
    "all, then an end": [start(LENGTH), body(more=True), body(b"")],
    "empty": [start((b"content-length", b"0")), {"type": "http.response.body"}],
    "nothing new": [start(status=304), body(b"")],
    "no content": [start(status=204), body(b"")],
    "says close": [start(LENGTH, (b"connection", b"x, Close ")), body()],
    "says keep-alive": [start(LENGTH, (b"connection", b"keep-alive")), body()],
}
WRONG = {
    "too long": [start(LENGTH), body(b"hello!")],
    "too short": [start(LENGTH), body(b"hell")],
    "two heads": [start(LENGTH), start(LENGTH)],
    "no head": [body()],
    "after the end": [start(LENGTH), body(), body()],
    "a name with a line in it": [start((b"x-a\r\nx-b", b"1")), body()],
    "a name with a space": [start((b"x a", b"1")), body()],
    "a value with a line in it": [start((b"x-a", b"1\r\nset-cookie: stolen")), body()],
    "a value with a zero": [start((b"x-a", b"\0")), body()],
}


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", ANSWERS)
def test_what_goes_out_is_what_uvicorn_would_send(name: str, method: str, keep_alive: bool) -> None:
    messages = ANSWERS[name]
    theirs = sent(RequestResponseCycle, messages, method, keep_alive=keep_alive)
    ours = sent(Answer, messages, method, keep_alive=keep_alive)
    assert told(ours[0]) == told(theirs[0])
    assert ours[1:] == theirs[1:] == (not keep_alive or name == "says close", "")


@pytest.mark.parametrize("name", WRONG)
def test_what_uvicorn_refuses_is_refused_each_time(name: str) -> None:
    messages = WRONG[name]
    _, _, theirs = sent(RequestResponseCycle, messages, "GET", keep_alive=True)
    assert theirs
    for _ in range(3):
        assert sent(Answer, messages, "GET", keep_alive=True)[2] == theirs


@pytest.mark.parametrize("name", ["whole", "empty", "no content", "says close"])
def test_a_whole_answer_is_one_write(name: str) -> None:
    assert len(sent(RequestResponseCycle, ANSWERS[name], "GET", keep_alive=True)[0]) > 1
    assert len(sent(Answer, ANSWERS[name], "GET", keep_alive=True)[0]) == 1


def test_a_head_goes_out_alone_after_a_turn_of_the_loop() -> None:
    transport = Transport()

    async def begin() -> None:
        await cycle_of(Answer, transport, "GET").send(start(LENGTH))  # type: ignore[arg-type]
        assert transport.writes == []
        await asyncio.sleep(0)

    asyncio.run(begin())
    (head,) = transport.writes
    assert head.endswith(b"content-length: 5\r\n\r\n")


def test_an_answer_that_is_held_still_says_that_its_connection_ends() -> None:
    transport = Transport()

    async def leave_between() -> None:
        cycle = cycle_of(Answer, transport, "GET")
        await cycle.send(start(LENGTH))  # type: ignore[arg-type]
        assert not cycle.response_started
        cycle.keep_alive = False
        await cycle.send(body())  # type: ignore[arg-type]

    asyncio.run(leave_between())
    assert b"connection: close\r\n" in transport.writes[0]
    assert transport.closed


def test_nothing_is_written_to_a_client_that_has_gone() -> None:
    transport = Transport()

    async def lose_between() -> None:
        cycle = cycle_of(Answer, transport, "GET")
        await cycle.send(start(LENGTH))  # type: ignore[arg-type]
        cycle.disconnected = True
        await cycle.send(body())  # type: ignore[arg-type]
        await asyncio.sleep(0)

    asyncio.run(lose_between())
    assert transport.writes == []


def test_what_is_remembered_of_headers_is_bounded() -> None:
    for number in range(answer.LINES + 50):
        sent(Answer, [start((b"x-number", b"%d" % number), LENGTH), body()], "GET", keep_alive=True)
    assert answer.line.cache_info().currsize == answer.LINES


def test_a_client_of_a_stream_has_the_head_while_the_body_is_made(
    start_web: Start, new_app: Callable[[str], dict[str, str]]
) -> None:
    web = start_web(WEB_CONCURRENCY="1", **new_app(STREAM))
    web.wait_ready()
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as client:
        client.sendall(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.recv(65536).endswith(b"\r\n\r\n")
        assert web.get("/go-on") == (200, "hello")
        assert client.recv(65536) == b"hello"


def test_an_answer_leaves_nothing_to_the_garbage_collector() -> None:
    async def answer_once() -> weakref.ref[RequestResponseCycle]:
        cycle = cycle_of(Answer, Transport(), "GET")
        await cycle.send(start(LENGTH))  # type: ignore[arg-type]
        await cycle.send(body())  # type: ignore[arg-type]
        return weakref.ref(cycle)

    async def gone() -> bool:
        return (await answer_once())() is None

    gc.disable()
    try:
        assert uvloop.run(gone())
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("path", "why"), [("/fail", "after the head was given"), ("/smuggle", "Invalid HTTP header")]
)
def test_an_app_that_fails_after_its_head_is_answered_500(
    start_web: Start, new_app: Callable[[str], dict[str, str]], path: str, why: str
) -> None:
    web = start_web(WEB_CONCURRENCY="1", **new_app(STREAM))
    web.wait_ready()
    with closing(http.client.HTTPConnection("127.0.0.1", web.port, timeout=10)) as client:
        client.request("GET", path)
        failed = client.getresponse()
        assert (failed.status, failed.read()) == (500, b"Internal Server Error")
        assert failed.headers.get_all("content-length") == ["21"]
    assert why in web.log
