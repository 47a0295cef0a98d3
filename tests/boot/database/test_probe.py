"""One attempt tells apart every way PostgreSQL can be away, unwilling, or ready."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import quote

import pytest

from boot.database import probe
from boot.database.deadline import Deadline
from boot.database.outcome import Outcome, Verdict
from boot.database.session import Session
from boot.database.url import PostgresUrl, parse
from tests.boot.database.test_url import HOSTILE, SPELLINGS
from tests.support.certificate import give_certificate
from tests.support.listeners import closing as closes
from tests.support.listeners import listener, resetting, saying, silent
from tests.support.postgres import PASSWORD, PostgresServer, free_port
from tests.support.wait import wait_until

NewServer = Callable[..., PostgresServer]
postgres = pytest.mark.postgres


def attempt(text: str, seconds: float = 5.0) -> Outcome:
    url = parse(text)
    assert isinstance(url, PostgresUrl)
    return probe.attempt(url, seconds, {})


def at(port: int) -> str:
    return f"postgresql://u:p@127.0.0.1:{port}/d"


@pytest.fixture
def role(postgres_server: PostgresServer) -> Iterator[Callable[[str], None]]:
    """A function that makes the role `prober` with a password, for one test."""
    with closing(postgres_server.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE ROLE prober LOGIN")

        def set_password(password: str) -> None:
            cursor.execute("ALTER ROLE prober PASSWORD %s", (password,))

        yield set_password
        cursor.execute("DROP ROLE prober")


@postgres
def test_a_running_server_is_ok(postgres_url: str) -> None:
    assert attempt(postgres_url).verdict is Verdict.OK


@postgres
@pytest.mark.parametrize("password", HOSTILE)
def test_a_hostile_password_logs_in_through_every_spelling(
    postgres_server: PostgresServer, role: Callable[[str], None], password: str
) -> None:
    role(password)
    where = f"127.0.0.1:{postgres_server.port}/postgres"
    secret = quote(password, safe="")
    for scheme in SPELLINGS:
        assert attempt(f"{scheme}prober:{secret}@{where}").verdict is Verdict.OK
        assert attempt(f"{scheme}prober:{secret}x@{where}").verdict is Verdict.AUTH


@postgres
@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"password": "wrong"}, Verdict.AUTH),
        ({"password": None}, Verdict.AUTH),
        ({"user": "nobody_here"}, Verdict.AUTH),
        ({"database": "not_there"}, Verdict.MISSING),
        ({"query": "sslmode=require"}, Verdict.TLS),
        ({"query": "sslmode=verify-full"}, Verdict.TLS),
        ({"query": "sslmode=nonsense"}, Verdict.CONFIG),
        ({"query": "no_such_option=1"}, Verdict.CONFIG),
        ({"query": "options=-c%20no_such_setting%3D1"}, Verdict.CONFIG),
        ({"query": "target_session_attrs=standby"}, Verdict.NO_PRIMARY),
        ({"query": "options=-c%20default_transaction_read_only%3Don"}, Verdict.NO_PRIMARY),
    ],
)
def test_a_server_that_refuses_says_why(
    postgres_server: PostgresServer, change: dict[str, str], verdict: Verdict
) -> None:
    outcome = attempt(postgres_server.url(**change))
    assert outcome.verdict is verdict, outcome
    assert PASSWORD not in outcome.detail
    assert "\n" not in outcome.detail


@postgres
def test_a_login_pg_hba_rejects_is_refused(new_postgres_server: NewServer) -> None:
    server = new_postgres_server()
    rules = server.data / "pg_hba.conf"
    rules.write_text("host all barred all reject\n" + rules.read_text())
    server.start()
    assert attempt(server.url(user="barred")).verdict is Verdict.AUTH


@postgres
def test_a_slow_server_is_waited_for_and_not_taken_for_one_that_is_away(
    new_postgres_server: NewServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong password that took longer than a login usually may must not lead to a fallback."""
    slow = {"shared_preload_libraries": "auth_delay", "auth_delay.milliseconds": "1000"}
    server = new_postgres_server(**slow)
    server.start()
    monkeypatch.setattr(probe, "LOGIN_SECONDS", 0.2)
    assert attempt(server.url(password="wrong"), 60).verdict is Verdict.AUTH


@postgres
def test_a_role_without_the_right_to_connect_is_denied(
    postgres_server: PostgresServer, postgres_url: str, role: Callable[[str], None]
) -> None:
    role("secret")
    name = postgres_url.rpartition("/")[2]
    postgres_server.execute(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
    outcome = attempt(postgres_server.url(name, user="prober", password="secret"))
    assert outcome.verdict is Verdict.DENIED


@postgres
def test_a_server_that_is_not_open_yet_is_starting(new_postgres_server: NewServer) -> None:
    server = new_postgres_server(hot_standby="off", max_connections="100")
    (server.data / "standby.signal").touch()
    server.launch()
    wait_until(lambda: attempt(server.url()).verdict is Verdict.STARTING, 20, "57P03")


@postgres
def test_a_server_that_shuts_down_counts_as_starting(new_postgres_server: NewServer) -> None:
    server = new_postgres_server()
    server.start()
    with closing(server.connect()):
        server.begin_shutdown()
        wait_until(
            lambda: attempt(server.url()).verdict is Verdict.STARTING, 10, "the shutdown's refusal"
        )


@postgres
def test_a_standby_is_no_primary_unless_one_is_wanted(new_postgres_server: NewServer) -> None:
    server = new_postgres_server(max_connections="100")
    (server.data / "standby.signal").touch()
    server.start()
    assert attempt(server.url()).verdict is Verdict.NO_PRIMARY
    assert attempt(server.url(query="target_session_attrs=read-write")).verdict is (
        Verdict.NO_PRIMARY
    )
    assert attempt(server.url(query="target_session_attrs=any")).verdict is Verdict.OK


@postgres
def test_a_full_server_has_too_many_connections(new_postgres_server: NewServer) -> None:
    server = new_postgres_server(max_connections="4", superuser_reserved_connections="0")
    server.start()
    with ExitStack() as opened:
        for _ in range(4):
            opened.enter_context(closing(server.connect()))
        assert attempt(server.url()).verdict is Verdict.TOO_MANY


@postgres
def test_a_role_at_its_limit_has_too_many_connections(
    postgres_server: PostgresServer, role: Callable[[str], None]
) -> None:
    role("secret")
    postgres_server.execute("ALTER ROLE prober CONNECTION LIMIT 0")
    url = postgres_server.url(user="prober", password="secret")
    assert attempt(url).verdict is Verdict.TOO_MANY


@postgres
def test_a_frozen_server_cannot_hold_us(new_postgres_server: NewServer) -> None:
    server = new_postgres_server()
    server.start()
    server.pause()
    started = time.monotonic()
    outcome = attempt(server.url(), 1.0)
    elapsed = time.monotonic() - started
    server.resume()
    assert outcome.verdict is Verdict.TIMED_OUT
    assert elapsed < 20


@postgres
def test_a_server_that_freezes_after_the_login_cannot_hold_us(
    new_postgres_server: NewServer,
) -> None:
    server = new_postgres_server()
    server.start()
    url = parse(server.url())
    assert isinstance(url, PostgresUrl)
    with Session(url.parameters, Deadline(5)) as session:
        server.pause()
        with pytest.raises(TimeoutError, match="does not answer"):
            session.query("SELECT 1", Deadline(0.5))
        server.resume()


@postgres
def test_a_killed_server_refuses(new_postgres_server: NewServer) -> None:
    server = new_postgres_server()
    server.start()
    server.kill()
    assert attempt(server.url()).verdict is Verdict.REFUSED


@postgres
def test_a_silent_first_host_does_not_hide_the_second(postgres_server: PostgresServer) -> None:
    hosts = f"127.0.0.1:{free_port()},127.0.0.1:{postgres_server.port}"
    url = f"postgresql://postgres:{PASSWORD}@{hosts}/postgres"
    assert attempt(url).verdict is Verdict.OK
    with listener(silent) as port:
        hosts = f"127.0.0.1:{port},127.0.0.1:{postgres_server.port}"
        assert attempt(f"postgresql://postgres:{PASSWORD}@{hosts}/postgres", 8).verdict is (
            Verdict.OK
        )


@postgres
def test_the_best_of_several_hosts_decides(postgres_server: PostgresServer) -> None:
    hosts = f"127.0.0.1:{free_port()},127.0.0.1:{postgres_server.port}"
    assert attempt(f"postgresql://postgres:wrong@{hosts}/postgres").verdict is Verdict.AUTH


@postgres
def test_a_unix_socket_is_asked_too(postgres_server: PostgresServer) -> None:
    query = f"host={postgres_server.directory}&port={postgres_server.port}"
    url = f"postgresql://postgres:{PASSWORD}@/postgres?{query}"
    assert attempt(url).verdict is Verdict.OK
    assert attempt("postgresql:///postgres?host=/nowhere").verdict is Verdict.REFUSED


@postgres
def test_a_service_file_is_followed(
    postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = tmp_path / "services"
    monkeypatch.setenv("PGSERVICEFILE", str(service))
    lines = "[mine]\nhost=127.0.0.1\nport={}\nuser=postgres\npassword={}\ndbname=postgres\n"
    url = PostgresUrl({"service": "mine"})
    service.write_text(lines.format(postgres_server.port, PASSWORD))
    assert probe.attempt(url, 5).verdict is Verdict.OK
    service.write_text(lines.format(free_port(), PASSWORD))
    assert probe.attempt(url, 5).verdict is Verdict.REFUSED
    assert probe.attempt(PostgresUrl({"service": "other"}), 5).verdict is Verdict.CONFIG


@postgres
def test_tls_is_used_and_an_untrusted_certificate_is_a_configuration_error(
    new_postgres_server: NewServer,
) -> None:
    server = new_postgres_server(ssl="on")
    certificate = give_certificate(server)
    server.start()
    assert attempt(server.url(query="sslmode=require")).verdict is Verdict.OK
    root = f"sslmode=verify-ca&sslrootcert={certificate}"
    assert attempt(server.url(query=root)).verdict is Verdict.OK
    assert attempt(server.url(query=root.replace("ca&", "full&"))).verdict is Verdict.TLS
    rules = server.data / "pg_hba.conf"
    rules.write_text("hostssl all all all scram-sha-256\n")
    server.execute("SELECT pg_reload_conf()")
    assert attempt(server.url(query="sslmode=disable")).verdict is Verdict.TLS


@pytest.mark.parametrize(
    "words",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"N\x00\x00\x00\x0a8.0.36\x00",
        b"-ERR unknown command\r\n",
    ],
)
def test_another_kind_of_server_is_not_postgresql(words: bytes) -> None:
    with listener(saying(words)) as port:
        assert attempt(at(port)).verdict is Verdict.NOT_POSTGRES


def test_a_silent_server_times_out() -> None:
    with listener(silent) as port:
        started = time.monotonic()
        assert attempt(at(port), 0.5).verdict is Verdict.TIMED_OUT
        assert time.monotonic() - started < 1.5


def test_a_server_that_hangs_up_has_reset() -> None:
    with listener(closes) as port:
        assert attempt(at(port)).verdict is Verdict.RESET


def test_a_tcp_reset_is_a_reset() -> None:
    with listener(resetting) as port:
        assert attempt(at(port)).verdict is Verdict.RESET


def test_nobody_listening_refuses() -> None:
    assert attempt(at(free_port())).verdict is Verdict.REFUSED


def test_a_name_without_an_address_is_dns() -> None:
    assert attempt("postgresql://u:p@no-such-host.invalid/d").verdict is Verdict.DNS


def test_a_name_server_that_does_not_answer_cannot_hold_us(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = threading.Event()

    def deaf(*_: object, **__: object) -> list[object]:
        answer.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", deaf)
    outcome = attempt("postgresql://u:p@slow.example/d", 0.3)
    answer.set()
    assert outcome.verdict is Verdict.DNS
    assert "name server" in outcome.detail


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("57P03", Verdict.STARTING),
        ("57P01", Verdict.STARTING),
        ("53300", Verdict.TOO_MANY),
        ("53200", Verdict.OUT_OF_MEMORY),
        ("28P01", Verdict.AUTH),
        ("28000", Verdict.AUTH),
        ("3D000", Verdict.MISSING),
        ("42501", Verdict.DENIED),
        ("08P01", Verdict.FAILING),
        ("XX000", Verdict.FAILING),
    ],
)
def test_a_sqlstate_has_a_class(state: str, verdict: Verdict) -> None:
    assert probe.by_sqlstate(state) is verdict
