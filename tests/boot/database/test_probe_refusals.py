"""What a real server, or a real pooler before it, refuses a login with, and the class that has."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from urllib.parse import quote

import pytest

from boot.database import probe
from boot.database.outcome import Outcome, Verdict
from boot.database.url import PostgresUrl, parse
from tests.support.certificate import give_certificate
from tests.support.listeners import listener, refusing, saying
from tests.support.pgbouncer import Pgbouncer, pgbouncer
from tests.support.postgres import PASSWORD, PostgresServer, as_server_user, programs
from tests.support.wait import wait_until

NewServer = Callable[..., PostgresServer]
pytestmark = pytest.mark.postgres
RULES = """
local all all peer
host all trusted,no_login,many all trust
host all rejected all reject
hostssl all tls_only all scram-sha-256
host all postgres all scram-sha-256
host replication postgres all scram-sha-256
"""
ROLES = """
CREATE ROLE no_login NOLOGIN;
CREATE ROLE many LOGIN CONNECTION LIMIT 0;
CREATE ROLE tls_only LOGIN PASSWORD 'secret'
"""


def attempt(text: str, seconds: float = 5.0, environ: Mapping[str, str] = {}) -> Outcome:
    url = parse(text)
    assert isinstance(url, PostgresUrl)
    return probe.attempt(url, seconds, environ)


@pytest.fixture
def server(new_postgres_server: NewServer) -> PostgresServer:
    """A running server with rules of its own."""
    made = new_postgres_server(ssl="on", max_connections="20")
    give_certificate(made)
    (made.data / "pg_hba.conf").write_text(RULES)
    made.start()
    for statement in ROLES.strip().split(";"):
        made.execute(statement)
    made.execute("CREATE DATABASE closed ALLOW_CONNECTIONS false")
    return made


def test_each_refusal_has_its_class(server: PostgresServer) -> None:
    """One server, for a start costs a second."""
    where = f"127.0.0.1:{server.port}"
    secret = quote(PASSWORD)
    expected = {
        f"postgresql://nobody@/postgres?host={server.directory}&port={server.port}": Verdict.AUTH,
        f"postgresql://trusted@{where}/postgres": Verdict.AUTH,  # the role is missing
        f"postgresql://no_login@{where}/postgres": Verdict.AUTH,
        f"postgresql://rejected@{where}/postgres": Verdict.AUTH,
        f"postgresql://unheard_of@{where}/postgres": Verdict.AUTH,
        f"postgresql://many@{where}/postgres": Verdict.TOO_MANY,
        f"postgresql://postgres:{secret}@{where}/closed": Verdict.DENIED,
        f"postgresql://postgres:{secret}@{where}/absent": Verdict.MISSING,
        f"postgresql://tls_only:secret@{where}/postgres": Verdict.OK,
        f"postgresql://tls_only:secret@{where}/postgres?sslmode=disable": Verdict.TLS,
        f"postgresql://rejected@{where}/postgres?sslmode=disable": Verdict.AUTH,
        f"postgresql://postgres:{secret}@{where}/postgres?sslmode=require"
        "&sslcert=/etc/hostname&sslkey=/etc/hostname": Verdict.TLS,
        f"postgresql://postgres:{secret}@{where}/postgres?channel_binding=require": Verdict.OK,
        f"postgresql://postgres:{secret}@{where}/postgres?require_auth=md5": Verdict.AUTH,
        f"postgresql://postgres:{secret}@{where}/postgres?options=-c%20port%3D1": Verdict.CONFIG,
    }
    assert {url: attempt(url).verdict for url in expected} == expected


def test_what_libpq_takes_from_the_environment_counts(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (server.directory / "pgpass").write_text(f"*:*:*:postgres:{PASSWORD}\n")
    (server.directory / "pgpass").chmod(0o600)
    ambient = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.port),
        "PGUSER": "postgres",
        "PGDATABASE": "postgres",
        "PGPASSFILE": str(server.directory / "pgpass"),
    }
    for name, value in ambient.items():
        monkeypatch.setenv(name, value)
    assert attempt("postgresql:///", environ=os.environ).verdict is Verdict.OK
    monkeypatch.setenv("PGPASSWORD", "wrong")
    assert attempt("postgresql:///", environ=os.environ).verdict is Verdict.AUTH
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv("PGTARGETSESSIONATTRS", "standby")
    assert attempt("postgresql:///", environ=os.environ).verdict is Verdict.NO_PRIMARY
    monkeypatch.setenv("PGPORT", "70000")
    assert attempt("postgresql:///", environ=os.environ).verdict is Verdict.CONFIG


def test_slots_reserved_for_superusers_are_too_many_connections(
    new_postgres_server: NewServer,
) -> None:
    made = new_postgres_server(max_connections="5", superuser_reserved_connections="3")
    made.start()
    made.execute("CREATE ROLE plain LOGIN PASSWORD 'secret'")
    url = made.url(user="plain", password="secret")
    with ExitStack() as opened:
        for _ in range(2):
            opened.enter_context(closing(made.connect()))
        assert attempt(url).verdict is Verdict.TOO_MANY
        assert attempt(made.url()).verdict is Verdict.OK


def test_a_real_standby_is_read_only_until_it_is_promoted(new_postgres_server: NewServer) -> None:
    primary, standby = new_postgres_server(), new_postgres_server()
    primary.start()
    shutil.rmtree(standby.data)
    source = f"host=127.0.0.1 port={primary.port} user=postgres password={PASSWORD}"
    subprocess.run(
        as_server_user(
            str(programs() / "pg_basebackup"), "-d", source, "-D", str(standby.data), "-R",
            "--checkpoint=fast", "--no-sync",
        ),
        check=True,
        capture_output=True,
        cwd=standby.directory,
    )  # fmt: skip
    standby.start()
    assert attempt(standby.url()).verdict is Verdict.NO_PRIMARY
    both = f"127.0.0.1:{standby.port},127.0.0.1:{primary.port}"
    either = f"postgresql://postgres:{quote(PASSWORD)}@{both}/postgres"
    assert attempt(either).verdict is Verdict.NO_PRIMARY
    assert attempt(f"{either}?target_session_attrs=read-write").verdict is Verdict.OK
    primary.stop()
    assert attempt(f"{either}?target_session_attrs=read-write").verdict is Verdict.NO_PRIMARY
    standby.execute("SELECT pg_promote()")
    wait_until(lambda: attempt(either).verdict is Verdict.OK, 20, "the promotion")


@pytest.mark.parametrize(
    ("state", "words", "verdict"),
    [
        ("53200", "недостаточно памяти", Verdict.OUT_OF_MEMORY),
        ("53300", "слишком много клиентов", Verdict.TOO_MANY),
        ("57P03", "система баз данных запускается", Verdict.STARTING),
        ("57P04", "база данных удалена", Verdict.MISSING),
        ("28P01", "пользователь не прошёл проверку", Verdict.AUTH),
        ("3D000", "база данных не существует", Verdict.MISSING),
        ("XX000", "внутренняя ошибка", Verdict.FAILING),
    ],
)
def test_the_class_does_not_depend_on_the_servers_language(
    state: str, words: str, verdict: Verdict
) -> None:
    with listener(refusing(state, words)) as port:
        assert attempt(f"postgresql://u:p@127.0.0.1:{port}/d") == (verdict, words)


@pytest.mark.parametrize("query", ["", "?sslmode=disable"])
def test_a_postmaster_that_cannot_fork_is_failing_and_no_tls_error(query: str) -> None:
    words = b"Ecould not fork new process for connection: Cannot allocate memory\n\0"
    with listener(saying(words)) as port:
        assert attempt(f"postgresql://u:p@127.0.0.1:{port}/d{query}").verdict is Verdict.FAILING


def test_pgbouncer_refuses_in_words_only(new_postgres_server: NewServer) -> None:
    made = new_postgres_server()
    made.start()
    with pgbouncer(made, "transaction") as pool:
        good = pool.url("postgres")
        assert attempt(good).verdict is Verdict.OK
        assert attempt(pool.url("absent")).verdict is Verdict.MISSING
        assert attempt(good.replace(PASSWORD, "wrong")).verdict is Verdict.AUTH
        options = f"{good}?options=-c%20statement_timeout%3D5s"
        assert attempt(options).verdict is Verdict.CONFIG


def test_a_pooler_without_its_postgresql_is_unreachable(new_postgres_server: NewServer) -> None:
    made = new_postgres_server()
    made.start()
    with pgbouncer(made, "transaction") as pool:
        assert attempt(pool.url("postgres")).verdict is Verdict.OK
        made.stop()
        seen = _attempts_until(pool, Verdict.NO_SERVER)
    assert all(outcome.policy.unreachable for outcome in seen)


def _attempts_until(pool: Pgbouncer, verdict: Verdict) -> list[Outcome]:
    """Ask until that is the answer: at first pgbouncer tries for longer than we wait."""
    seen: list[Outcome] = []

    def asked() -> bool:
        seen.append(attempt(pool.url("postgres"), 0.5))
        return seen[-1].verdict is verdict

    wait_until(asked, 30, f"pgbouncer to answer {verdict}")
    return seen
