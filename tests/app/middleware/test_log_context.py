"""Every log line of a request carries its id and its trace's, in whichever thread it is written."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from app import log_context
from app.middleware.request_id import RequestId
from app.middleware.response_headers import ResponseHeaders
from app.settings import load

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


def in_a_thread(_request: Request) -> PlainTextResponse:
    logging.getLogger("app").warning("told in a thread", extra={"fields": {"rows": 1}})
    return PlainTextResponse("ok")


async def in_the_loop(_request: Request) -> PlainTextResponse:
    logging.getLogger("app").warning("told in the loop")
    return PlainTextResponse("ok")


Get = Callable[..., httpx.Response]


@pytest.fixture
def get() -> Get:
    app = Starlette(routes=[Route("/thread", in_a_thread), Route("/loop", in_the_loop)])

    def ask(path: str, **headers: str) -> httpx.Response:
        async def asked() -> httpx.Response:
            named = RequestId(ResponseHeaders(app, load({})))
            transport = httpx.ASGITransport(app=named)
            async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(asked())

    return ask


@pytest.mark.parametrize("path", ["/thread", "/loop"])
def test_a_line_carries_the_id_that_the_answer_returns(
    get: Get, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    answers = [get(path, **{"X-Request-ID": "mine-1"}), get(path)]
    ids = [answer.headers["X-Request-ID"] for answer in answers]
    told: list[Any] = [each for each in caplog.records if each.name == "app"]
    assert [record.context["request_id"] for record in told] == ids
    assert ids[0] == "mine-1"
    assert len(ids[1]) == 32


def test_the_greeting_of_a_websocket_returns_the_id() -> None:
    sent: list[Any] = []

    async def greeting(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept", "headers": [(b"x-more", b"1")]})

    async def keep(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/ws", "headers": [(b"x-request-id", b"mine-1")]}
    named: Any = RequestId(ResponseHeaders(greeting, load({})))
    asyncio.run(named(scope, None, keep))
    assert sent[0]["headers"] == [(b"x-more", b"1"), (b"x-request-id", b"mine-1")]


def test_a_traceparent_is_honoured(get: Get, caplog: pytest.LogCaptureFixture) -> None:
    get("/thread", traceparent=f"00-{TRACE}-{SPAN}-01")
    record: Any = next(each for each in caplog.records if each.name == "app")
    assert record.context["trace_id"] == TRACE


def test_outside_of_a_request_there_is_no_context(caplog: pytest.LogCaptureFixture) -> None:
    log_context.install()
    logging.getLogger("app").warning("outside")
    record: Any = caplog.records[-1]
    assert record.context is None


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "nonsense",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"01-{TRACE}-{SPAN}-01x",
    ],
)
def test_a_traceparent_that_is_none_names_no_trace(bad: str) -> None:
    assert log_context.trace_of(bad) == {}


def test_a_later_version_s_traceparent_is_read_as_far_as_it_is_known() -> None:
    assert log_context.trace_of(f"01-{TRACE}-{SPAN}-01-more") == {"trace_id": TRACE}
