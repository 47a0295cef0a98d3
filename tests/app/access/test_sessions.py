import pytest

from app.access.sessions import COOKIE, SECONDS, Sessions, cookie
from app.access.tokens import Token, Tokens, parse

LONG = "0123456789abcdef"


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def only(tokens: Tokens) -> Token:
    found = tokens.find(LONG.encode())
    assert found
    return found


def test_a_session_is_known_to_every_process_with_the_same_token_and_to_no_other() -> None:
    here, there = parse(f"write:ci:{LONG}"), parse(f"read:x:{LONG}x,write:ci:{LONG}")
    value = Sessions(here).begin(only(here))
    assert Sessions(there).find(value) == only(there)
    assert Sessions(parse(f"write:ci:{LONG}y")).find(value) is None


def test_a_session_ends_after_a_week() -> None:
    tokens, clock = parse(f"write:{LONG}"), Clock()
    sessions = Sessions(tokens, clock)
    value = sessions.begin(only(tokens))
    clock.now += SECONDS - 1
    assert sessions.find(value)
    clock.now += 1
    assert sessions.find(value) is None


def test_a_session_shows_nothing_of_its_token() -> None:
    tokens = parse(f"write:ci:{LONG}")
    assert LONG not in Sessions(tokens).begin(only(tokens))


def test_a_session_that_was_changed_is_none() -> None:
    tokens, clock = parse(f"write:{LONG}"), Clock()
    sessions = Sessions(tokens, clock)
    name, end, signature = sessions.begin(only(tokens)).split(".")
    later = str(int(end) + 1)
    wrong = [
        f"{name}.{later}.{signature}",
        f"{name}.{end}.",
        f"{name}.{end}",
        name,
        "",
        "..",
        "a.b.c",
    ]
    wrong += [
        f"{name}.{end}.{signature}0",
        f"{name}.\u0663.{signature}",
        f"{name}.{'9' * 5000}.{signature}",
    ]
    wrong += [f"{name}.{end}.{signature[:-1]}é", f"x{name}.{end}.{signature}"]
    assert [sessions.find(each) for each in wrong] == [None] * len(wrong)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (f"{COOKIE}=a.b", "a.b"),
        (f"x=1; {COOKIE}=a.b; y=2", "a.b"),
        (f"x{COOKIE}=a", ""),
        ("", ""),
        (";;=;", ""),
        ("\xff\xfe", ""),
    ],
)
def test_the_cookie_is_found_among_others(header: str, value: str) -> None:
    assert cookie(header.encode("latin-1")) == value
