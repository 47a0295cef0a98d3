"""No secret in a line, in whatever spelling; and no harm to lines without one."""

import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from boot.redact import MASK, Redactor, mask_urls

PASSWORDS = [
    "p@ss/w#rd",
    "per%cent",
    'quo"te\\back',
    "new\nline",
    "schön ☃",
    "semi;colon",
    "a b+c d",
]


def test_a_known_secret_is_masked_everywhere() -> None:
    mask = Redactor(["t0psecret-token"]).mask
    assert mask("x=t0psecret-token, again t0psecret-token.") == f"x={MASK}, again {MASK}."


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_password_is_masked_in_every_spelling(password: str) -> None:
    mask = Redactor([f"postgresql://user:{quote(password, safe='')}@host/db"]).mask
    for spelling in (
        password,
        quote(password, safe=""),
        quote_plus(password, safe=""),
        json.dumps(password)[1:-1],
        json.dumps(password, ensure_ascii=False)[1:-1],
        repr(password)[1:-1],
    ):
        assert mask(f"before {spelling} after") == f"before {MASK} after"


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_password_nobody_encoded_is_masked_too(password: str) -> None:
    mask = Redactor([f"postgresql://user:{password}@host/db"]).mask
    assert mask(f"[{password}]") == f"[{MASK}]"


def test_a_url_keeps_what_is_no_secret() -> None:
    assert (
        mask_urls("at postgresql://u:p@ss@h:5432/db?x=1.")
        == f"at postgresql://u:{MASK}@h:5432/db?x=1."
    )


def test_a_password_in_a_urls_query_is_masked() -> None:
    secret = "postgresql://host/db?user=u&password=hidden-one&sslpassword=hidden-two"
    masked = Redactor([secret]).mask(f"{secret} hidden-one hidden-two")
    assert "hidden" not in masked
    assert "user=u" in masked


@pytest.mark.parametrize(
    "line",
    [
        "GET http://host:8000/a?mail=x@y.z",
        "http://[::1]:8000/ user@example.org",
        "postgresql://user@host/db",
        "no url at all",
        "",
    ],
)
def test_a_line_without_a_password_stays_as_it_is(line: str) -> None:
    assert Redactor(["somethingelse"]).mask(line) == line


def test_a_short_secret_is_masked_in_urls_only() -> None:
    mask = Redactor(["postgresql://user:abc@host/db", "xyz"]).mask
    assert (
        mask("abc xyz postgresql://user:abc@host/db") == f"abc xyz postgresql://user:{MASK}@host/db"
    )


@pytest.mark.parametrize("word", ["postgres", "edgepaas", "shopdb", "shopuser"])
def test_a_password_that_stands_openly_anyway_does_not_mangle_every_line(word: str) -> None:
    mask = Redactor([f"postgresql://shopuser:{word}@host/shopdb"]).mask
    assert mask(f"backend {word} is up") == f"backend {word} is up"
    assert mask(f"postgresql://shopuser:{word}@host") == f"postgresql://shopuser:{MASK}@host"


def test_each_token_of_a_list_is_masked() -> None:
    mask = Redactor(["read:first-long-token, write:second-long-token\nthird-long-token"]).mask
    for token in ("first-long-token", "second-long-token", "third-long-token"):
        assert token not in mask(f"Bearer {token}")


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert Redactor(["secret", "secret-and-more"]).mask("secret-and-more") == MASK


def test_masking_twice_changes_nothing() -> None:
    mask = Redactor(["postgresql://u:longsecret@h/db"]).mask
    once = mask("postgresql://u:longsecret@h/db longsecret")
    assert mask(once) == once


@given(st.text(min_size=4), st.text(), st.text())
def test_whatever_the_password_it_is_gone(password: str, before: str, after: str) -> None:
    assume(MASK not in password)
    assume(password not in MASK + before + after)
    url = f"postgresql://u:{quote(password, safe='', errors='surrogateescape')}@h/d"
    mask = Redactor([url]).mask
    assume(password not in {"u", "h", "d", "password", "postgres", "postgresql", "edgepaas"})
    line = mask(f"{before} {password} {after}")
    # A password such as "* **" may rise again from a mask and what stands beside it.
    assert password not in line or "*" in password


@pytest.mark.parametrize("unit", ["a", "://", "://a:", "@", "a://b:c@", "password="])
@pytest.mark.timeout(10)
def test_a_megabyte_takes_no_quadratic_time(unit: str) -> None:
    Redactor(["somesecret"]).mask((unit * (1 << 20))[: 1 << 20] + "://@ password=")


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXr", ["T1JJ3T3L2", "TIiajkdnlazkcOXr"]),
        ("tgram://123456789:abcdefg_hijklmnop/12315544", ["abcdefg_hijklmnop"]),
        ("mailtos://ops:hunter2@mail.example.org?to=on@call.org", ["hunter2"]),
        ("json://u:p4ssw@hook/x,ntfys://verylongtopicname", ["p4ssw", "verylongtopicname"]),
    ],
)
def test_what_may_be_a_token_in_a_service_s_url_is_masked(url: str, secrets: list[str]) -> None:
    mask = Redactor([url]).mask
    for secret in secrets:
        assert secret not in mask(f"refused {secret}, said {secret!r}")


def test_hosts_and_words_of_a_service_s_url_stay_readable() -> None:
    mask = Redactor(["json://127.0.0.1:9000/webhooks/alerts"]).mask
    assert mask("127.0.0.1:9000 webhooks alerts") == "127.0.0.1:9000 webhooks alerts"
    assert mask("to json://127.0.0.1:9000/webhooks/alerts") == "to json://***"
