"""Every spelling of a database URL means one thing, and shows no secret."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url

from boot.database.url import DatabaseUrlError, PostgresUrl, SqliteUrl, parse, redacted

CANARY = "canary-7f3a"
SPELLINGS = [
    "postgres://",
    "postgresql://",
    "postgresql+psycopg2://",
    "postgresql+psycopg://",
    "PostgreSQL://",
]
HOSTILE = [
    "p@ss:w/or?d#1",
    "100%",
    "%41",
    "$(touch /tmp/x) `id`",
    "quo'te\"s \\ back",
    "new\nline\ttab",
    "пароль-é🔑",
    "a+b c",
    "[::1],x=y&z",
    "%(PATH)s %s {0}",
    "-----BEGIN\n" + "0123456789abcdef" * 256,
]


def parameters(text: str) -> dict[str, str]:
    url = parse(text)
    assert isinstance(url, PostgresUrl)
    return dict(url.parameters)


def driver_arguments(text: str) -> dict[str, Any]:
    """Return what SQLAlchemy gives psycopg2 for the URL we hand to the app."""
    url = make_url(parse(text).sqlalchemy())
    assert url.drivername == "postgresql+psycopg2"
    arguments: Any = url.get_dialect()().create_connect_args(url)[1]
    # For hosts without ports SQLAlchemy gives libpq a list of empty ones, which are the default.
    ports = arguments.pop("port", "")
    arguments |= {"port": ports} if str(ports).strip(",") else {}
    return {name: str(value) for name, value in arguments.items()}


@pytest.mark.parametrize("scheme", SPELLINGS)
def test_every_scheme_means_the_same(scheme: str) -> None:
    assert parse(f"{scheme}u:p@h:5433/d").sqlalchemy() == "postgresql+psycopg2://u:p@h:5433/d"


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:p@h:5433/d",
        "postgresql://u@h/d?sslmode=verify-full&sslrootcert=/etc/ssl/ca.pem",
        "postgresql://u:p@h1:1,h2:2/d?target_session_attrs=read-write",
        "postgresql://u:p@h1,h2/d",
        "postgresql://u:p@h1,h2:2/d",
        "postgresql:///d?host=/var/run/postgresql&user=u",
        "postgresql://%2Fvar%2Frun/d",
        "postgresql://u:p@[2001:db8::1]:5433/d",
        "postgresql://u:p@[2001:db8::1]/d",
        "postgresql://u:p@[::1]:1,[2001:db8::2]:2/d",
        "postgresql://u:p@[fe80::1%25eth0]:5433/d",
        "postgresql://u:p@[fe80::1%25de1]/d",
        "postgresql://u:p@[::ffff:127.0.0.1]:5433/d",
        "postgresql:///?service=mine",
        "postgresql+psycopg2://u:p@/d?host=h1:1&host=h2:2",
        "postgresql://u:p@h/d?application_name=a%20b&options=-c%20statement_timeout%3D5s",
        "postgresql://h",
        "postgresql://u:p@h/d%2Fe",
    ],
)
def test_the_app_connects_with_exactly_what_the_probe_uses(text: str) -> None:
    assert driver_arguments(text) == parameters(text)
    assert parameters(parse(text).sqlalchemy()) == parameters(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://u:p@[::1]:5433/d", {"host": "::1", "port": "5433"}),
        ("postgresql://u@h1:1,h2:2/d", {"host": "h1,h2", "port": "1,2"}),
        ("postgresql://u@h1,h2:2/d", {"host": "h1,h2", "port": ",2"}),
        ("postgresql:///d?host=/var/run", {"host": "/var/run", "dbname": "d"}),
        ("postgresql:///?service=mine", {"service": "mine"}),
        ("postgresql://h/d?username=u&password=p%40", {"user": "u", "password": "p@"}),
        ("postgresql://u:a@b@h/d", {"password": "a@b", "host": "h"}),
        ("postgresql://u:50%off@h/d", {"password": "50%off"}),
        ("postgresql://h/d?application_name=a+b", {"application_name": "a+b"}),
        ("postgresql+psycopg2://h/d?application_name=a+b", {"application_name": "a b"}),
    ],
)
def test_a_url_is_read_as_libpq_reads_it(text: str, expected: dict[str, str]) -> None:
    assert expected.items() <= parameters(text).items()


@pytest.mark.parametrize("password", HOSTILE)
@pytest.mark.parametrize("scheme", SPELLINGS)
def test_a_hostile_password_survives(scheme: str, password: str) -> None:
    text = f"{scheme}u:{quote(password, safe='')}@h/d"
    assert parameters(text)["password"] == password
    assert driver_arguments(text)["password"] == password


@given(
    user=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
    password=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
)
def test_any_user_and_password_survive(user: str, password: str) -> None:
    text = f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@h/d"
    arguments = driver_arguments(text)
    assert (arguments["user"], arguments["password"]) == (user, password)
    assert parse(parse(text).sqlalchemy()).sqlalchemy() == parse(text).sqlalchemy()


@pytest.mark.parametrize(
    ("text", "problem", "advice"),
    [
        (f"mysql://u:{CANARY}@h/d", "is for mysql", "postgresql://"),
        (f"postgresql+asyncpg://u:{CANARY}@h/d", "driver asyncpg", "drop the driver"),
        (f"u:{CANARY}@h/d", "is not a database URL", "postgresql://"),
        (f"postgresql://u:{CANARY}/x@h/d", "raw / or ?", "percent-encode"),
        (f"postgresql://u:{CANARY}@h:port/d", "port", "5432"),
        (f"postgresql://u:{CANARY}@[::1/d", "port", "5432"),
        (f"postgresql://u:{CANARY}@h:0/d", "from 1 to 65535", "5432"),
        (f"postgresql://u:{CANARY}@h:65536/d", "from 1 to 65535", "5432"),
        (f"postgresql://u:{CANARY}@h:{'9' * 5000}/d", "from 1 to 65535", "5432"),
        (f"postgresql://u:{CANARY}@h1:1,h2:٣/d", "from 1 to 65535", "5432"),
        (f"postgresql://u:{CANARY}@/d?host=h&port=70000", "from 1 to 65535", "5432"),
        (f"postgresql://u:{CANARY}%FF@h/d", "not UTF-8", "percent-encode"),
        (f"postgresql://u:{CANARY}@h/d?dsn=x", "dsn, no option of libpq", "remove dsn="),
        (f"postgresql://u:{CANARY}@h/d?async=1", "async, no option of libpq", "remove async="),
        (f"postgresql://u:{CANARY}@h/d?connect_timeout=3s", "connect_timeout", "timeout=3"),
        (f"postgresql://u:{CANARY}%00@h/d", "zero byte", "%00"),
        (f"postgresql://h/d?password={CANARY}&password=x", "password twice", "one"),
        ("sqlite://", "in memory", "sqlite:////data"),
        ("sqlite:///:memory:", "in memory", "sqlite:////data"),
        ("sqlite://data/x.db", "names a host", "four"),
    ],
)
def test_a_bad_url_says_what_is_wrong_and_what_to_set(text: str, problem: str, advice: str) -> None:
    with pytest.raises(DatabaseUrlError, match="DATABASE_URL") as caught:
        parse(text)
    assert problem in str(caught.value)
    assert advice in caught.value.advice
    assert CANARY not in str(caught.value) + caught.value.advice


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:////data/edgepaas.db", "/data/edgepaas.db"),
        ("sqlite+pysqlite:////data/x.db?timeout=3", "/data/x.db"),
    ],
)
def test_sqlite_is_an_absolute_file(text: str, path: str) -> None:
    url = parse(text)
    assert isinstance(url, SqliteUrl)
    assert url.path == Path(path)
    assert make_url(url.sqlalchemy()).database == path


def test_a_relative_sqlite_file_is_made_absolute() -> None:
    assert parse("sqlite:///x.db").sqlalchemy() == f"sqlite:///{Path.cwd()}/x.db"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://u:{CANARY}@h/d",
        f"postgresql://h/d?user=u&password={CANARY}",
        f"postgresql://u@h/d?sslpassword={CANARY}",
        f"mysql://u:{CANARY}@h/d",
        f"postgresql://u:{CANARY}/x@h/d",
        CANARY,
    ],
)
def test_a_redacted_url_has_no_secret(text: str) -> None:
    assert CANARY not in redacted(text)
    assert "***" in redacted(text)


def test_a_url_object_shows_no_secret() -> None:
    assert repr(parse(f"postgresql://u:{CANARY}@h/d")) == (
        "PostgresUrl(postgresql+psycopg2://u:***@h/d)"
    )


def test_a_message_is_scrubbed_of_the_password_but_not_of_each_letter() -> None:
    def scrubbed(password: str) -> str:
        url = parse(f"postgresql://u:{password}@h/d")
        assert isinstance(url, PostgresUrl)
        return url.scrub(f"a message with {CANARY}")

    assert scrubbed(CANARY) == "a message with ***"
    assert scrubbed("a") == f"a message with {CANARY}"
