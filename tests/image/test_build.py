"""What the image says of itself, and what may be built on it."""

import re
import zlib
from pathlib import Path
from typing import Any

import pytest

from scripts import identity
from scripts.checkout import ROOT
from scripts.engine import Engine
from tests.support.engine import derived_image, in_image
from tests.support.image_tree import ImageTree

MOST_BYTES = 71 * 10**6
MOST_COMPRESSED = 28 * 10**6
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def test_it_is_at_most_71_megabytes(configuration: dict[str, Any]) -> None:
    assert configuration["Size"] <= MOST_BYTES


def test_it_is_at_most_28_megabytes_to_pull(tree: ImageTree) -> None:
    with tree.archive.open("rb") as file:
        packer = zlib.compressobj(level=6)
        pieces = iter(lambda: file.read(1 << 20), b"")
        compressed = sum(len(packer.compress(piece)) for piece in pieces) + len(packer.flush())
    assert compressed <= MOST_COMPRESSED


def test_pid_1_is_ours_without_a_shell(configuration: dict[str, Any]) -> None:
    assert configuration["Config"]["Entrypoint"] == ["/init"]
    assert not configuration["Config"]["Cmd"]


def test_it_runs_as_an_ordinary_user_of_group_root(configuration: dict[str, Any]) -> None:
    assert configuration["Config"]["User"] == "10001:0"


def test_it_names_its_ports_and_its_folder(configuration: dict[str, Any]) -> None:
    assert set(configuration["Config"]["ExposedPorts"]) == {"8000/tcp", "9464/tcp"}
    assert configuration["Config"]["WorkingDir"] == "/srv"


def test_it_declares_no_volume_that_would_look_durable(configuration: dict[str, Any]) -> None:
    assert not configuration["Config"].get("Volumes")


def test_it_is_stopped_by_term(configuration: dict[str, Any]) -> None:
    assert configuration["Config"]["StopSignal"] == "SIGTERM"


def test_its_health_is_asked_by_our_own_program(configuration: dict[str, Any]) -> None:
    check = configuration["Config"]["Healthcheck"]
    assert check["Test"] == ["CMD", "/usr/local/bin/healthcheck"]
    assert check["Interval"] == 5 * 10**9
    assert check["StartPeriod"] == 60 * 10**9


def test_its_labels_say_which_build_it_is(configuration: dict[str, Any]) -> None:
    labels = {
        name.removeprefix("org.opencontainers.image."): value
        for name, value in configuration["Config"]["Labels"].items()
    }
    assert labels["title"] == "edgepaas"
    assert labels["version"] == identity.read().version
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown(-dirty)?", labels["revision"])
    assert RFC_3339.fullmatch(labels["created"])


def test_its_environment_says_where_things_are(configuration: dict[str, Any]) -> None:
    environment = dict(entry.split("=", 1) for entry in configuration["Config"]["Env"])
    assert environment["PATH"].startswith("/opt/venv/bin:")
    assert environment["EDGEPAAS_VERSION"] == identity.read().version
    assert environment["EDGEPAAS_BUILD_ID"]
    assert environment["EDGEPAAS_RUN_DIR"] == "/run/edgepaas"
    assert environment["EDGEPAAS_DATA_DIR"] == "/data"
    assert environment["LANG"] == "C.UTF-8"


def test_its_history_names_no_secret_and_no_path_of_the_machine(docker: Engine, image: str) -> None:
    history = docker.output("history", "--no-trunc", "--format", "{{.CreatedBy}}", image)
    assert str(ROOT) not in history
    assert "PIP_CERT" not in history


def test_dependencies_system_and_our_code_are_layers_of_their_own(
    docker: Engine, image: str
) -> None:
    history = docker.output("history", "--no-trunc", "--format", "{{.CreatedBy}}", image)
    copied = re.findall(r"COPY /build/(\w+) /", history)
    assert copied == ["app", "ours", "dependencies", "system"]


def test_the_layer_is_the_image_without_the_app(runtime_image: str) -> None:
    assert in_image(runtime_image, "test", "-e", "/srv/app").returncode == 1
    assert in_image(runtime_image, "python", "-c", "import boot, fastapi").returncode == 0


def test_an_app_of_ones_own_goes_on_top(runtime_image: str, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/__init__.py").write_text("NAME = 'mine'\n")
    dockerfile = f"FROM {runtime_image}\nCOPY mine /srv/mine\nENV EDGEPAAS_APP=mine:app\n"
    with derived_image(dockerfile, tmp_path) as tag:
        done = in_image(tag, "python", "-c", "import mine; print(mine.NAME)")
        assert done.stdout == "mine\n", done.stderr


def test_the_app_can_be_imported(image: str) -> None:
    done = in_image(image, "python", "-c", "import app.main")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["boot", "sidecar", "web"])
def test_the_boot_layer_can_be_imported_from_anywhere(image: str, module: str) -> None:
    done = in_image(image, "python", "-I", "-c", f"import {module}", workdir="/")
    assert done.returncode == 0, done.stderr


def test_no_registry_and_no_heredoc_in_the_dockerfile() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "<<" not in dockerfile
    assert "# syntax" not in dockerfile
    assert "--start-interval" not in dockerfile  # the builder of Engine 20 fails on it
