import pytest

from app.access.origins import Hosts, Origins

HOSTS = Hosts(["edge.example.org", "*.internal.example.org", "10.0.0.1", "[2001:db8::1]"])
ORIGINS = Origins(HOSTS, ["https://Console.example.org"])


@pytest.mark.parametrize(
    "host",
    [
        "edge.example.org",
        "EDGE.example.org:8000",
        "edge.example.org.",
        "a.internal.example.org",
        "a.b.internal.example.org:1",
        "10.0.0.1:80",
        "[2001:DB8::1]:8000",
    ],
)
def test_a_name_is_known_with_any_port_and_in_any_case(host: str) -> None:
    assert HOSTS.know(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "example.org",
        "edge.example.org.evil",
        "evil@edge.example.org",
        "internal.example.org",
        "edge.example.org/x",
        "edge.example.org:80:80",
        "[::1",
        "evil-edge.example.org",
        "é",
        ":80",
    ],
)
def test_any_other_is_not(host: str) -> None:
    assert not HOSTS.know(host)


@pytest.mark.parametrize(
    ("origin", "foreign"),
    [
        (None, False),
        ("http://127.0.0.1:8000", False),
        ("https://127.0.0.1:8000", False),
        ("http://127.0.0.1:8001", True),
        ("https://edge.example.org", False),
        ("https://console.example.org", False),
        ("http://console.example.org", True),
        ("https://evil.example.org", True),
        ("https://127.0.0.1:8000.evil.org", True),
        ("null", True),
        ("", True),
        ("\xff", True),
    ],
)
def test_our_pages_are_those_of_the_asked_host_of_our_names_and_of_trusted_origins(
    origin: str | None, foreign: bool
) -> None:
    headers = {b"host": b"127.0.0.1:8000"}
    if origin is not None:
        headers[b"origin"] = origin.encode("latin-1")
    assert ORIGINS.is_foreign(headers) is foreign
