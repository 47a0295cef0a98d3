"""Access as clients meet it, on a real uvicorn."""

import asyncio
import json
import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from app.access.attempts import ALLOWED
from app.access.gate import Gate
from app.access.origins import Hosts, Origins
from app.access.sessions import COOKIE
from app.access.tokens import ANYBODY, Actor, parse
from app.main import create_app
from app.middleware.access import Access, actor
from app.settings import Settings, SettingsError
from tests.app.conftest import Serve

READ = "canary-read-0123456789abcdef"
WRITE = "canary-write-0123456789abcdef"
NODES = "/api/v1/nodes"
NODE = {"name": "a", "region": "r"}
FOREIGN = {"origin": "https://evil.example.org"}


@pytest.fixture
def closed(sqlite_settings: Settings) -> Settings:
    """Settings of an app that two tokens open: one to read, one to write."""
    return replace(sqlite_settings, tokens=parse(f"read:wall:{READ},write:ci:{WRITE}"))


@pytest.fixture
def client(serve: Serve, closed: Settings) -> httpx.Client:
    return serve(closed)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def session(client: httpx.Client, token: str = READ) -> dict[str, str]:
    """Log in; return the header a browser would send from then on."""
    answer = httpx.post(client.base_url.join("/login"), data={"token": token})
    assert answer.status_code == 303
    return {"cookie": f"{COOKIE}={answer.cookies[COOKIE]}"}


class Listening:
    """Tries to open /ws/events; `status` is 101, or what the answer was instead."""

    def __init__(
        self, client: httpx.Client, headers: dict[str, str], subprotocols: Sequence[str] = ()
    ) -> None:
        url = str(client.base_url.join("/ws/events").copy_with(scheme="ws"))
        origin = Origin(headers.pop("origin")) if "origin" in headers else None
        offered = [Subprotocol(each) for each in subprotocols] or None
        self.subprotocol = None
        try:
            with connect(
                url, additional_headers=headers, origin=origin, subprotocols=offered
            ) as connection:
                assert json.loads(connection.recv(10))["type"] == "hello"
                self.status, self.subprotocol = 101, connection.subprotocol
        except InvalidStatus as refused:
            self.status = refused.response.status_code
            self.body = refused.response.body


@pytest.mark.parametrize(
    ("token", "method", "path", "status"),
    [
        (READ, "GET", NODES, 200),
        (READ, "HEAD", "/", 200),
        (READ, "GET", "/health/system", 200),
        (READ, "GET", "/openapi.json", 200),
        (READ, "POST", NODES, 403),
        (READ, "DELETE", f"{NODES}/0198c5d2-7b1e-7c3a-9f00-5b3c1d2e4f60", 403),
        (READ, "PROPFIND", NODES, 403),
        (WRITE, "GET", NODES, 200),
        (WRITE, "POST", NODES, 201),
        (WRITE, "GET", "/nothing", 404),
    ],
)
def test_a_token_may_do_what_its_role_says(
    client: httpx.Client, token: str, method: str, path: str, status: int
) -> None:
    body = NODE if method == "POST" else None
    answer = client.request(method, path, headers=bearer(token), json=body)
    assert answer.status_code == status
    if status == 403:
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    "path",
    [NODES, "/", "/health/system", "/openapi.json", "/nothing", "/health/live/", "//version"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_without_a_token_everything_is_closed(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "path", ["/health/live", "/health/ready", "/version", "/static/style.css", "/login"]
)
def test_probes_version_files_and_the_login_are_open(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/static/../api/v1/nodes", "/static/%2e%2e/", "/static/..%2fx"])
def test_nothing_closed_is_reached_through_what_is_open(client: httpx.Client, path: str) -> None:
    with closing(HTTPConnection(client.base_url.host, client.base_url.port)) as raw:
        raw.request("GET", path)  # httpx would tidy the path up
        assert raw.getresponse().status == 404


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        f"Basic {WRITE}",
        WRITE,
        f"Bearer {WRITE} x",
        f"Bearer {WRITE[:-1]}",
        "Bearer " + "x" * 20_000,
    ],
)
def test_any_other_header_is_refused_and_not_told_why(client: httpx.Client, header: str) -> None:
    answer = client.get(NODES, headers={"authorization": header})
    assert answer.status_code == 401
    assert answer.json()["detail"] == "this token is not known"
    assert "canary" not in answer.text


def test_the_scheme_is_spelt_in_any_case(client: httpx.Client) -> None:
    assert client.get(NODES, headers={"authorization": f"bEARER  {READ}"}).status_code == 200


def test_under_a_proxys_prefix_the_same_rules_hold(serve: Serve, closed: Settings) -> None:
    client = serve(closed, root_path="/ledger")
    assert client.get("/health/live").status_code == 200
    assert client.get(NODES).status_code == 401
    assert client.get(NODES, headers=bearer(READ)).status_code == 200


def test_a_body_that_is_refused_is_not_read(client: httpx.Client) -> None:
    answer = client.post(NODES, content=b"x" * 2_000_000, headers=bearer(READ))
    assert answer.status_code == 403


# --- browsers


def test_a_cookie_reads_and_changes_nothing_whatever_its_token_may(client: httpx.Client) -> None:
    cookie = session(client, WRITE)
    assert client.get("/", headers=cookie).status_code == 200
    assert client.get(NODES, headers=cookie).status_code == 200
    refused = client.post(NODES, headers=cookie, json=NODE)
    assert refused.status_code == 401
    assert "may only read" in refused.json()["detail"]


def test_a_wrong_token_is_not_helped_by_a_right_cookie(client: httpx.Client) -> None:
    assert client.get(NODES, headers={**session(client), **bearer("x" * 20)}).status_code == 401


def test_a_browser_that_asks_for_the_page_is_sent_to_the_login(client: httpx.Client) -> None:
    answer = client.get("/", headers={"accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["location"]) == (303, "login")
    stale = {"accept": "text/html", "cookie": f"{COOKIE}=a.1.b"}
    assert client.get("/", headers=stale).status_code == 303


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_page_of_another_site_changes_nothing_even_where_all_is_open(
    sqlite_client: httpx.Client, method: str
) -> None:
    answer = sqlite_client.request(method, NODES, headers=FOREIGN, json=NODE)
    assert answer.status_code == 403
    own = {"origin": str(sqlite_client.base_url).rstrip("/")}
    assert sqlite_client.post(NODES, headers=own, json=NODE).status_code == 201


def test_what_another_origin_may_not_read_is_not_shown_to_it(sqlite_client: httpx.Client) -> None:
    answer = sqlite_client.get(NODES, headers=FOREIGN)
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_trusted_origin_may_use_the_api_with_a_token(serve: Serve, closed: Settings) -> None:
    client = serve(replace(closed, cors_origins=("https://console.example.org",)))
    origin = {"origin": "https://console.example.org"}
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "if-match"}
    allowed = client.options(NODES, headers={**origin, **asked})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == origin["origin"]
    assert "access-control-allow-credentials" not in allowed.headers
    assert client.options(NODES, headers={**FOREIGN, **asked}).status_code == 400
    made = client.post(NODES, headers={**origin, **bearer(WRITE)}, json=NODE)
    assert made.status_code == 201
    assert made.headers["access-control-allow-origin"] == origin["origin"]
    refused = client.get(NODES, headers=origin)
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == origin["origin"]
    assert client.post(NODES, headers={**FOREIGN, **bearer(WRITE)}, json=NODE).status_code == 403


# --- WebSockets


def test_a_websocket_needs_what_a_reader_needs(client: httpx.Client) -> None:
    assert Listening(client, bearer(READ)).status == 101
    assert Listening(client, session(client)).status == 101
    nothing = Listening(client, {})
    assert nothing.status == 401
    assert json.loads(nothing.body)["detail"].startswith("send a token")
    assert Listening(client, bearer("x" * 20)).status == 401


def test_a_script_shows_its_token_as_a_subprotocol(client: httpx.Client) -> None:
    good = Listening(client, {}, ["bearer", READ])
    assert (good.status, good.subprotocol) == (101, "bearer")
    assert Listening(client, {}, ["bearer", "x" * 20]).status == 401
    assert Listening(client, {}, ["bearer"]).status == 401
    assert Listening(client, {}, [READ, "bearer"]).status == 401


def test_a_page_of_another_site_opens_no_websocket(
    client: httpx.Client, sqlite_client: httpx.Client
) -> None:
    assert Listening(client, {**session(client), **FOREIGN}).status == 403
    assert Listening(client, {**bearer(READ), **FOREIGN}).status == 403
    assert Listening(sqlite_client, dict(FOREIGN)).status == 403
    own = {"origin": str(client.base_url).rstrip("/")}
    assert Listening(client, {**session(client), **own}).status == 101


# --- attempts


@pytest.fixture
def guessed(client: httpx.Client) -> httpx.Client:
    """A client that tried as many tokens as are allowed."""
    for number in range(ALLOWED):
        answer = client.get(NODES, headers=bearer(f"guess-{number:020}"))
        assert answer.status_code == 401
    return client


def test_one_who_guesses_is_told_to_wait_and_a_right_token_is_not_looked_at(
    guessed: httpx.Client,
) -> None:
    for token in ("guess", WRITE):
        answer = guessed.get(NODES, headers=bearer(token))
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 60
    assert Listening(guessed, bearer(WRITE)).status == 429
    assert guessed.post("/login", data={"token": WRITE}).status_code == 429
    assert guessed.get("/health/ready").status_code == 200


def test_one_who_repeats_yesterdays_token_does_not_shut_out_the_others(
    client: httpx.Client,
) -> None:
    statuses = [client.get(NODES, headers=bearer("y" * 20)).status_code for _ in range(ALLOWED + 1)]
    assert statuses == [401] * ALLOWED + [429]
    assert client.get(NODES, headers=bearer(READ)).status_code == 200


def test_behind_a_trusted_proxy_each_client_is_counted_by_itself(
    serve: Serve, closed: Settings
) -> None:
    client = serve(closed, forwarded_allow_ips="127.0.0.1")

    def guess(number: int, forwarded: str) -> int:
        headers = {**bearer(f"guess-{number:020}"), "x-forwarded-for": forwarded}
        return client.get(NODES, headers=headers).status_code

    assert [guess(number, "203.0.113.7") for number in range(ALLOWED + 1)][-1] == 429
    assert guess(0, "203.0.113.8") == 401
    assert guess(0, "203.0.113.9, 203.0.113.7") == 429  # only what the proxy itself saw counts


def test_nobody_escapes_the_count_by_forging_an_address(serve: Serve, closed: Settings) -> None:
    client = serve(closed, forwarded_allow_ips="192.0.2.1")
    statuses = [
        client.get(
            NODES, headers={**bearer(f"g-{number:020}"), "x-forwarded-for": f"203.0.113.{number}"}
        ).status_code
        for number in range(ALLOWED + 1)
    ]
    assert statuses[-1] == 429


def test_a_wrong_token_is_logged_with_its_address_and_never_itself(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for _ in range(ALLOWED + 3):
        client.get(NODES, headers=bearer("canary-wrong-token"))
    client.get(NODES, headers=bearer(READ))
    Listening(client, {}, ["bearer", READ])
    Listening(client, session(client, WRITE))
    told = [each.getMessage() for each in caplog.records if each.name == "app.access.gate"]
    assert told == [
        "a wrong token from 127.0.0.1",
        f"more than {ALLOWED} wrong tokens from 127.0.0.1 within a minute",
    ]
    servers = [each for each in caplog.records if each.name.startswith(("app.", "uvicorn"))]
    assert any(each.levelno == logging.DEBUG for each in servers)
    assert not [each for each in servers if "canary" in each.getMessage()]
    assert not [each for each in servers if COOKIE in each.getMessage()]


# --- who it was


@pytest.mark.parametrize(
    ("headers", "expected"),
    [(bearer(WRITE), Actor("ci", "write")), (bearer(READ), Actor("wall", "read"))],
)
def test_routes_find_out_who_asks(
    closed: Settings, headers: dict[str, str], expected: Actor
) -> None:
    seen: list[Actor] = []

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(actor(scope))
        await Response()(scope, receive, send)

    guarded = Access(route, Gate(closed.tokens), Origins(Hosts(()), ()))

    async def ask() -> None:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(guarded), base_url="http://x"
        ) as asking:
            await asking.get("/api/v1/who", headers=headers)

    asyncio.run(ask())
    assert seen == [expected]


def test_outside_of_a_request_it_is_anybody() -> None:
    scope: Scope = {"type": "http"}
    assert actor(scope) == ANYBODY
    assert ANYBODY.may("write")


# --- production


def test_in_production_it_is_not_served_without_a_token(sqlite_settings: Settings) -> None:
    with pytest.raises(SettingsError, match="EDGEPAAS_API_TOKENS is not set"):
        create_app(replace(sqlite_settings, production=True))
    create_app(replace(sqlite_settings, production=True, tokens=parse(f"read:{READ}")))


def test_the_settings_show_no_token(closed: Settings) -> None:
    assert "canary" not in repr(closed)


def test_the_description_says_which_token_an_operation_needs(closed: Settings) -> None:
    paths = create_app(closed).openapi()["paths"]
    assert "401" in paths[NODES]["get"]["responses"]
    assert "403" not in paths[NODES]["get"]["responses"]
    assert paths[NODES]["post"]["security"][0] == {"bearer": []}
    assert {"401", "403", "429"} <= paths[NODES]["post"]["responses"].keys()
    assert "security" not in paths["/health/ready"]["get"]
