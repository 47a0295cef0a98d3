"""Whom a worker believes what a proxy says of scheme and client."""

import http.client
from collections.abc import Callable

import pytest

from tests.support.web_unit import WebUnit

Start = Callable[..., WebUnit]
FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.9, 203.0.113.7"}


@pytest.mark.parametrize(
    ("trusted", "seen"),
    [
        ("127.0.0.1,::1", "https 203.0.113.7"),
        ("10.0.0.0/8,127.0.0.0/8", "https 203.0.113.7"),
        ("127.0.0.1,203.0.113.0/24", "https 198.51.100.9"),
        ("10.0.0.0/8", "http 127.0.0.1"),
        ("*", "https 198.51.100.9"),
    ],
)
def test_scheme_and_client_are_those_a_trusted_proxy_tells(
    start_web: Start, trusted: str, seen: str
) -> None:
    web = start_web(EDGEPAAS_FORWARDED_ALLOW_IPS=trusted, WEB_CONCURRENCY="1")
    web.wait_ready()
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=10)
    connection.request("GET", "/who", headers=FORWARDED)
    assert connection.getresponse().read().decode() == seen
    connection.close()
