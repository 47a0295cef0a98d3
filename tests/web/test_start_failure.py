"""An app that cannot start is reported once, and web ends."""

import json
import socket
from collections.abc import Callable

import pytest

from tests.support.ports import free_port
from tests.support.web_unit import WebUnit

Start = Callable[..., WebUnit]
NewApp = Callable[[str], dict[str, str]]

CANNOT_LOAD = 4
CANNOT_BOOT = 3


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("raise RuntimeError('no import today')", "RuntimeError: no import today"),
        ("def app(:", "SyntaxError: invalid syntax"),
        ("import nowhere.to_be_found", "ModuleNotFoundError: No module named 'nowhere'"),
        ("import sys; sys.exit(1)", "SystemExit: 1"),
    ],
)
def test_an_app_that_cannot_be_imported_ends_web_with_one_traceback(
    start_web: Start, new_app: NewApp, source: str, cause: str
) -> None:
    web = start_web(**new_app(source))
    assert web.wait(30) == CANNOT_LOAD
    assert web.log.count(f"could not be imported: {cause}") == 1, web.log
    assert web.log.count("Traceback") == 1, web.log
    assert not web.ready()


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("nowhere.main:app", "EDGEPAAS_APP=nowhere.main:app: No module named 'nowhere'"),
        ("tests.support.apps.tiny:nobody", "Failed to find attribute 'nobody'"),
    ],
)
def test_a_wrong_name_of_the_app_is_one_line_without_traceback(
    start_web: Start, name: str, cause: str
) -> None:
    web = start_web(EDGEPAAS_APP=name)
    assert web.wait(30) == CANNOT_LOAD
    (error,) = errors(web)
    assert cause in error
    assert error.endswith("; set it to module:attribute")
    assert "Traceback" not in web.log


def test_a_lifespan_that_fails_ends_web_with_one_traceback(
    start_web: Start, new_app: NewApp
) -> None:
    web = start_web(
        **new_app(
            "from contextlib import asynccontextmanager\n"
            "from fastapi import FastAPI\n"
            "@asynccontextmanager\n"
            "async def lifespan(app):\n"
            "    raise RuntimeError('no start today')\n"
            "    yield\n"
            "app = FastAPI(lifespan=lifespan)\n"
        )
    )
    assert web.wait(30) == CANNOT_BOOT
    assert errors(web) == ["the app could not start: RuntimeError: no start today"]
    assert web.log.count("Traceback") == 1, web.log
    assert not web.ready()


def test_a_taken_port_is_one_line_that_names_the_variable(start_web: Start) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as other:
        port = other.getsockname()[1]
        web = start_web(PORT=str(port))
        assert web.wait(20) == 78
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use; set PORT" in web.log
    assert "Traceback" not in web.log


def errors(web: WebUnit) -> list[str]:
    """Return the messages of the errors that were logged: the last is what PID 1 reports."""
    lines = [json.loads(line) for line in web.log.splitlines()]
    return [line["message"] for line in lines if line["level"] == "ERROR"]
