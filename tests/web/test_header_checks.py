"""uvicorn's look at the headers of answers is remembered, and refuses what it refused before."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from uvicorn.protocols.http import httptools_impl

from web import header_checks

Headers = list[tuple[bytes, bytes]]


@pytest.fixture(autouse=True)
def remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in header_checks.PATTERNS:
        monkeypatch.setattr(httptools_impl, name, getattr(httptools_impl, name))
    header_checks.remember()


def sent(*headers: tuple[bytes, bytes]) -> bytes:
    """Return what uvicorn writes for the head of an answer."""
    written: list[bytes] = []
    parts: dict[str, Any] = {
        "transport": SimpleNamespace(write=written.append),
        "flow": SimpleNamespace(write_paused=False),
    }
    cycle = httptools_impl.RequestResponseCycle(
        scope={"method": "GET"},  # type: ignore[typeddict-item]
        logger=None,  # type: ignore[arg-type]
        access_logger=None,  # type: ignore[arg-type]
        access_log=False,
        default_headers=[],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=True,
        on_response=lambda: None,
        **parts,
    )
    asyncio.run(
        cycle.send({"type": "http.response.start", "status": 200, "headers": list(headers)})
    )
    return b"".join(written)


@pytest.mark.parametrize(
    "bad",
    [(b"x-a", b"1\r\nset-cookie: stolen"), (b"x-a\r\nx-b", b"1"), (b"x a", b"1"), (b"x-a", b"\0")],
)
def test_a_header_that_smuggles_is_refused_each_time(bad: tuple[bytes, bytes]) -> None:
    for _ in range(3):
        with pytest.raises(RuntimeError, match="Invalid HTTP header"):
            sent((b"x-a", b"1"), bad)


def test_a_good_one_is_sent_each_time_and_looked_at_once() -> None:
    for _ in range(3):
        assert b"x-a: 1\r\n" in sent((b"x-a", b"1"))
    values: Any = httptools_impl.HEADER_VALUE_RE
    assert (values.search.cache_info().misses, values.search.cache_info().hits) == (1, 2)


def test_what_is_remembered_is_bounded() -> None:
    for number in range(header_checks.MOST + 50):
        sent((b"x-a", str(number).encode()))
    values: Any = httptools_impl.HEADER_VALUE_RE
    assert values.search.cache_info().currsize == header_checks.MOST
