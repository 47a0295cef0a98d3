import platform
import tomllib

import httpx

from app import __version__
from tests.app.conftest import ROOT


def test_version_names_build_slot_and_boot(client: httpx.Client) -> None:
    assert client.get("/version").json() == {
        "version": __version__,
        "build": "0123456789abcdef",
        "slot": "blue",
        "boot_id": "b00710000001",
        "python": platform.python_version(),
    }


def test_every_response_names_slot_and_build(client: httpx.Client) -> None:
    for path in ("/version", "/nothing", "/static/app.js"):
        headers = client.get(path).headers
        assert (headers["x-edgepaas-slot"], headers["x-edgepaas-build"]) == (
            "blue",
            "0123456789abcdef",
        )


def test_the_app_and_the_project_have_one_version() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["version"] == __version__
