"""The login as a browser's requests."""

from dataclasses import replace

import httpx
import pytest

from app.access.attempts import ALLOWED
from app.access.sessions import COOKIE, SECONDS
from app.access.tokens import parse
from app.settings import Settings
from tests.app.conftest import Serve

TOKEN = "canary-0123456789abcdef"


@pytest.fixture
def closed(sqlite_settings: Settings) -> Settings:
    return replace(sqlite_settings, tokens=parse(f"read:wall:{TOKEN}"))


@pytest.fixture
def client(serve: Serve, closed: Settings) -> httpx.Client:
    return serve(closed)


def attributes(answer: httpx.Response) -> set[str]:
    """Return the attributes of the cookie that an answer sets."""
    return set(answer.headers["set-cookie"].split("; ")[1:])


@pytest.mark.parametrize("given", [TOKEN, f" {TOKEN}\r\n", f"read:wall:{TOKEN}"])
def test_a_token_pasted_with_what_stands_around_it_logs_in(
    client: httpx.Client, given: str
) -> None:
    answer = client.post("/login", data={"token": given})
    assert (answer.status_code, answer.headers["location"]) == (303, "./")
    assert attributes(answer) == {"HttpOnly", f"Max-Age={SECONDS}", "Path=/", "SameSite=lax"}
    assert "canary" not in str(answer.headers)
    assert client.get("/").status_code == 200


def test_over_https_the_cookie_never_leaves_it(serve: Serve, closed: Settings) -> None:
    client = serve(closed, forwarded_allow_ips="127.0.0.1")
    https = {"x-forwarded-proto": "https"}
    assert "Secure" in attributes(client.post("/login", data={"token": TOKEN}, headers=https))


def test_under_a_proxys_prefix_the_cookie_is_of_that_prefix(serve: Serve, closed: Settings) -> None:
    client = serve(closed, root_path="/ledger")
    assert "Path=/ledger" in attributes(client.post("/login", data={"token": TOKEN}))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"token=",
        b"token=canary-wrong",
        b"other=x",
        b"\xff\xfe\x00",
        b"&" * 1000,
        b"token=%FF",
        b"a=1&" * 1000,
        b"token=%C3%A9" * 1000,
    ],
)
def test_what_is_no_token_shows_the_form_again(client: httpx.Client, body: bytes) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = client.post("/login", content=body, headers=form)
    assert answer.status_code == 401
    assert "This token is not known." in answer.text
    assert "canary" not in answer.text
    assert "set-cookie" not in answer.headers


def test_one_who_guesses_is_told_when_to_try_again(client: httpx.Client) -> None:
    for number in range(ALLOWED):
        assert client.post("/login", data={"token": f"guess {number}"}).status_code == 401
    answer = client.post("/login", data={"token": TOKEN})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "Too many wrong tokens" in answer.text


def test_the_logout_takes_the_cookie_away(client: httpx.Client) -> None:
    client.post("/login", data={"token": TOKEN})
    answer = client.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "login")
    assert COOKIE not in client.cookies
    assert client.get("/").status_code == 401


@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_no_other_site_logs_anybody_in_or_out(client: httpx.Client, path: str) -> None:
    headers = {"origin": "https://evil.example.org"}
    answer = client.post(path, data={"token": TOKEN}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_where_no_token_is_needed_the_login_leads_on(
    sqlite_client: httpx.Client, method: str
) -> None:
    answer = sqlite_client.request(method, "/login")
    assert (answer.status_code, answer.headers["location"]) == (303, "./")


def test_the_page_says_who_may_use_it(client: httpx.Client, sqlite_client: httpx.Client) -> None:
    client.post("/login", data={"token": TOKEN})
    closed, opened = client.get("/").text, sqlite_client.get("/").text
    for told in ("by token", "Log out", "Authorization: Bearer $TOKEN"):
        assert told in closed
    assert "open to all" in opened
    assert "Log out" not in opened
    assert "Bearer" not in opened
