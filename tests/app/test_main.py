import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from app.main import create_app
from app.settings import load
from tests.app.conftest import ROOT
from tests.support.postgres import free_port
from tests.support.wait import wait_until


@contextmanager
def uvicorn_alone(directory: Path, *options: str, **environ: str) -> Iterator[httpx.Client]:
    """Run `uvicorn app.main:app` as its own process with nothing but these variables set."""
    port = free_port()
    argv = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(port), *options]
    log = (directory / "uvicorn.log").open("wb")
    process = subprocess.Popen(
        argv, cwd=directory, env={"PYTHONPATH": str(ROOT), **environ}, stdout=log, stderr=log
    )
    try:
        wait_until(lambda: answers(port), 120, "uvicorn")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(60)
        log.close()
    assert status in {0, -signal.SIGTERM}


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def log_of(directory: Path) -> str:
    return (directory / "uvicorn.log").read_text()


def test_it_runs_alone_in_an_empty_directory_without_any_environment(tmp_path: Path) -> None:
    with uvicorn_alone(tmp_path) as client:
        assert client.get("/health/ready").status_code == 200
        created = client.post("/api/v1/nodes", json={"name": "a", "region": "r"})
        assert created.status_code == 201
    assert (tmp_path / "edgepaas.db").exists()
    log = log_of(tmp_path)
    assert "Running upgrade" in log
    assert "setup plugin" not in log
    with uvicorn_alone(tmp_path) as client:
        assert [node["name"] for node in client.get("/api/v1/nodes").json()["items"]] == ["a"]
    log = log_of(tmp_path)
    assert "Traceback" not in log
    assert "Warning" not in log


def test_two_workers_that_start_at_once_share_one_new_file(tmp_path: Path) -> None:
    with uvicorn_alone(tmp_path, "--workers", "2", EDGEPAAS_DATA_DIR=str(tmp_path)) as client:
        wait_until(lambda: client.get("/health/ready").status_code == 200, 20, "readiness")
    log = log_of(tmp_path)
    assert "cannot create the schema" not in log
    assert "Traceback" not in log


def test_a_database_that_is_down_does_not_keep_it_from_starting(tmp_path: Path) -> None:
    url = f"postgresql://u:hunter2@127.0.0.1:{free_port()}/d"
    with uvicorn_alone(tmp_path, DATABASE_URL=url) as client:
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").status_code == 503
        assert client.get("/").status_code == 503
    log = log_of(tmp_path)
    assert "Traceback" not in log
    assert "hunter2" not in log


def test_a_directory_it_may_not_write_does_not_keep_it_from_starting(tmp_path: Path) -> None:
    with uvicorn_alone(tmp_path, EDGEPAAS_DATA_DIR=str(tmp_path / "missing")) as client:
        assert client.get("/health/ready").status_code == 503
        assert client.get("/api/v1/nodes").status_code == 503
    log = log_of(tmp_path)
    assert "cannot create the schema: unable to open database file" in log
    assert "Traceback" not in log


def test_a_wrong_url_ends_with_what_to_set(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import app.main"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "DATABASE_URL": "mysql://u:hunter2@h/d"},
        capture_output=True,
        check=False,
    )
    last = ended.stderr.decode().splitlines()[-1]
    assert ended.returncode != 0
    assert "DATABASE_URL" in last
    assert "Set postgresql://" in last
    assert b"hunter2" not in ended.stderr


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"ENVIRONMENT": "production"}, "EDGEPAAS_API_TOKENS is not set"),
        ({"EDGEPAAS_API_TOKENS": "write:canary"}, "EDGEPAAS_API_TOKENS: entry 1 of 1 is not"),
    ],
)
def test_without_sound_tokens_it_ends_in_one_line(
    tmp_path: Path, environ: dict[str, str], told: str
) -> None:
    argv = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(free_port())]
    ended = subprocess.run(
        argv,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        check=False,
        timeout=60,
    )
    (line,) = ended.stderr.decode().splitlines()
    assert line.startswith(f"edgepaas: {told}")
    assert "canary" not in line
    assert ended.returncode == 1


def test_in_production_with_a_token_it_serves_and_shows_it_nowhere(tmp_path: Path) -> None:
    environ = {"ENVIRONMENT": "production", "EDGEPAAS_API_TOKENS": "write:ci:canary-0123456789ab"}
    with uvicorn_alone(tmp_path, "--log-level", "trace", **environ) as client:
        nodes = "/api/v1/nodes"
        assert client.get(nodes).status_code == 401
        token = {"authorization": "Bearer canary-0123456789ab"}
        assert client.get(nodes, headers=token).status_code == 200
        client.get("/", headers={"cookie": "edgepaas_session=canary"})
        url = str(client.base_url.join("/ws/events").copy_with(scheme="ws"))
        with connect(url, additional_headers=token) as listening:
            listening.recv(10)
    log = log_of(tmp_path)
    assert "no EDGEPAAS_API_TOKENS" not in log
    assert "canary" not in log


def test_without_a_token_it_says_that_it_is_open(tmp_path: Path) -> None:
    with uvicorn_alone(tmp_path) as client:
        assert client.get("/api/v1/nodes").status_code == 200
    assert "no EDGEPAAS_API_TOKENS: whoever reaches this port may" in log_of(tmp_path)


def test_logging_that_a_parent_configured_is_left_alone(tmp_path: Path) -> None:
    code = (
        "import asyncio, logging\n"
        "handler = logging.NullHandler(); logging.getLogger().addHandler(handler)\n"
        "from app.main import app, lifespan\n"
        "async def run():\n"
        "    async with lifespan(app): pass\n"
        "asyncio.run(run())\n"
        "assert logging.getLogger().handlers == [handler]\n"
        "named = [n for n in logging.root.manager.loggerDict if n == 'app' or n[:4] == 'app.']\n"
        "assert not [n for n in named if logging.getLogger(n).handlers]\n"
    )
    environ = {"PYTHONPATH": str(ROOT), "EDGEPAAS_DATA_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environ, check=True)


@pytest.fixture
def openapi() -> dict[str, object]:
    return create_app(load({})).openapi()


def test_every_operation_documents_its_errors_as_problems(openapi: dict[str, object]) -> None:
    for path, operations in openapi["paths"].items():  # type: ignore[attr-defined]
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            for status, response in operation["responses"].items():
                if path.startswith("/api/") and status >= "400":
                    assert "application/problem+json" in response["content"], (method, path, status)
                    assert "application/json" not in response["content"], (method, path, status)
            if path.startswith("/api/"):
                assert "503" in operation["responses"], (method, path)


def test_every_body_has_an_example(openapi: dict[str, object]) -> None:
    schemas = openapi["components"]["schemas"]  # type: ignore[index]
    for name in ("NodeCreate", "NodeUpdate", "NodeRead"):
        assert schemas[name]["examples"], name
    assert "HTTPValidationError" not in schemas


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "app").rglob("*.py")
        if re.search(r"\benviron\b|getenv", path.read_text())
    }
    assert readers == {"app/settings.py"}
