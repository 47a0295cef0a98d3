"""What libpq adds to a URL is known before it is asked: variables, then the service file."""

from pathlib import Path

import pytest

from boot.database.services import completed


def test_the_url_goes_before_the_service_and_that_before_the_variables(tmp_path: Path) -> None:
    file = tmp_path / "services"
    file.write_text("# ours\n[mine]\nhost=by-service\nport=1\nhostaddr=::1\noptions=-c a:b=%d\n")
    environ = {"PGSERVICEFILE": str(file), "PGHOST": "by-variable", "PGSSLMODE": "require"}
    known = completed({"service": "mine", "host": "by-url"}, environ)
    assert known == {
        "service": "mine",
        "host": "by-url",
        "port": "1",
        "hostaddr": "::1",
        "options": "-c a:b=%d",
        "sslmode": "require",
    }
    assert completed({}, {**environ, "PGSERVICE": "mine"})["host"] == "by-service"


@pytest.mark.parametrize("content", [b"no section", b"[other]\nhost=h\n", b"\xff\xfe[mine]"])
def test_a_service_nobody_can_read_is_left_to_libpq(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "services").write_bytes(content)
    environ = {"PGSERVICEFILE": str(tmp_path / "services")}
    assert completed({"service": "mine"}, environ) == {"service": "mine"}


def test_a_user_without_a_home_has_no_service_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", unknown)
    assert completed({"service": "mine"}, {}) == {"service": "mine"}
