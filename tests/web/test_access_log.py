"""The access log: one line for each request that is asked for, none for the others."""

import http.client
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from tests.support.web_unit import WebUnit
from web import access_log
from web.access_log import AccessLog, Choice

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def access_lines(web: WebUnit) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in web.log.splitlines() if line.startswith("{")]
    return [line for line in lines if "ms" in line]


def get(web: WebUnit, path: str, **headers: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=10)
    connection.request("GET", path, headers=headers)
    connection.getresponse().read()
    connection.close()


def test_a_request_is_one_line_without_its_query(start_web: Callable[..., WebUnit]) -> None:
    web = start_web(EDGEPAAS_ACCESS_LOG="1", EDGEPAAS_ACCESS_LOG_SKIP="/health/*")
    web.wait_ready()
    get(web, "/health/ready")
    get(web, "/a%0Ab?token=s3cret", traceparent=TRACEPARENT, **{"user-agent": "probe"})
    get(web, "/missing")
    web.settled(lambda: len(access_lines(web)) == 2, 10, "two lines")
    first, second = sorted(access_lines(web), key=lambda line: line["path"])  # of two workers
    assert (first["method"], first["path"], first["status"]) == ("GET", "/a%0Ab", 200)
    assert (first["agent"], first["trace_id"], first["client"]) == ("probe", TRACE, "127.0.0.1")
    assert first["ms"] >= 0
    assert first["bytes"] > 0
    assert first["message"] == "GET /a%0Ab 200"
    assert second["status"] == 404
    assert "s3cret" not in web.log


def test_without_being_asked_for_nothing_is_told_and_nobody_stands_there(web: WebUnit) -> None:
    get(web, "/")
    get(web, "/missing")
    assert access_lines(web) == []
    app = object()
    assert access_log.around(app, {"EDGEPAAS_ACCESS_LOG": "0"}) is app


def test_a_trace_is_in_the_sample_as_a_whole_or_not_at_all() -> None:
    choice = Choice(0.25, frozenset(), ())
    traces = [f"{'0' * 24}{number * 0x01000000:08x}" for number in range(256)]
    assert sum(map(choice.takes, traces)) == 64
    assert [choice.takes(each) for each in traces] == [choice.takes(each) for each in traces]
    assert sum(choice.takes("") for _ in range(4000)) in range(700, 1300)
    assert not any(Choice(0.0, frozenset(), ()).takes(each) for each in ["", *traces])


def test_paths_are_left_out_as_they_are_or_by_their_beginning() -> None:
    choice = access_log.read(
        {"EDGEPAAS_ACCESS_LOG": "1", "EDGEPAAS_ACCESS_LOG_SKIP": "/up,/health/*"}
    )
    assert choice is not None
    left_out = ["/up", "/health/live", "/health/"]
    assert all(map(choice.leaves_out, left_out))
    assert not any(map(choice.leaves_out, ["/", "/upper", "/health"]))


async def _answer(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 503, "headers": []})
    await send({"type": "http.response.body", "body": b"no"})


async def _break_off(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise ConnectionError


def test_what_went_wrong_is_in_every_sample(caplog: Any) -> None:
    caplog.set_level("INFO")
    scope = {"type": "http", "method": "GET", "path": "/x", "headers": []}

    async def send(_message: Any) -> None:
        pass

    for app in (_answer, _break_off):
        coroutine = AccessLog(app, Choice(0.0, frozenset(), ()))(scope, None, send)
        with suppress(StopIteration, ConnectionError):
            coroutine.send(None)
    told = [record.fields for record in caplog.records]
    assert [each["status"] for each in told] == [503, 200]
    assert [each.get("broken_off") for each in told] == [None, True]
