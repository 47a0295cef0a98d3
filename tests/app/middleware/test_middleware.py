import re

import httpx
import pytest

from app.middleware.response_headers import CONTENT_SECURITY_POLICY
from app.settings import Settings
from tests.app.conftest import Serve


def test_a_sane_request_id_is_kept(sqlite_client: httpx.Client) -> None:
    answer = sqlite_client.get("/version", headers={"x-request-id": "trace-1/a=b"})
    assert answer.headers["x-request-id"] == "trace-1/a=b"


@pytest.mark.parametrize("given", ["", "a b", "a" * 129, "<script>", "a\tb", "é".encode("latin-1")])
def test_any_other_request_id_is_replaced(
    refusing_client: httpx.Client, given: str | bytes
) -> None:
    headers = httpx.Headers(
        [(b"x-request-id", given if isinstance(given, bytes) else given.encode())]
    )
    made = refusing_client.get("/version", headers=headers).headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{32}", made)


def test_each_request_has_its_own_id(refusing_client: httpx.Client) -> None:
    ids = {refusing_client.get("/version").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/nothing", 404),
        ("POST", "/version", 405),
        ("GET", "/api/v1/nodes/x", 422),
        ("GET", "/static/app.js", 200),
    ],
)
def test_every_response_carries_the_security_headers(
    refusing_client: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = refusing_client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"


def test_the_policy_allows_nothing_inline_and_nobody_else() -> None:
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'")
    assert not re.search(r"unsafe|http|\*|data:", CONTENT_SECURITY_POLICY)


def test_only_over_https_a_browser_is_told_to_stay_there(
    serve: Serve, sqlite_settings: Settings
) -> None:
    client = serve(sqlite_settings, forwarded_allow_ips="127.0.0.1")
    assert "strict-transport-security" not in client.get("/version").headers
    https = client.get("/version", headers={"x-forwarded-proto": "https"})
    assert https.headers["strict-transport-security"] == "max-age=31536000"


def test_a_scheme_from_one_who_is_no_trusted_proxy_is_not_believed(
    serve: Serve, sqlite_settings: Settings
) -> None:
    client = serve(sqlite_settings, forwarded_allow_ips="192.0.2.1")
    answer = client.get("/version", headers={"x-forwarded-proto": "https"})
    assert "strict-transport-security" not in answer.headers


def test_what_the_api_says_is_not_kept_by_caches(refusing_client: httpx.Client) -> None:
    assert refusing_client.get("/api/v1/nodes").headers["cache-control"] == "no-store"


def test_a_method_a_path_does_not_have_is_a_problem_that_names_those_it_has(
    refusing_client: httpx.Client,
) -> None:
    answer = refusing_client.delete("/api/v1/nodes")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["allow"]
