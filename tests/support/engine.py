"""The container engine as tests use it: the one `make test` built the image with."""

import functools
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts import engine
from scripts.build import build_all
from scripts.checkout import IMAGE
from tests.support.skip import skip_or_fail


@functools.cache
def docker() -> engine.Engine:
    """Return the engine that answers; skip (in CI: fail) the test when none does."""
    try:
        found = engine.find()
    except engine.NoEngine as reason:
        skip_or_fail(str(reason))
    if found is None:
        skip_or_fail("no container engine answers; `make test` as root installs one")
    return found


@functools.cache
def image() -> str:
    """Return the image of this tree: the one `make test` just built, else built now."""
    built = os.environ.get("IMAGE_UNDER_TEST")
    if not built:
        build_all(docker())
    return built or IMAGE


@contextmanager
def derived_image(dockerfile: str, context: Path) -> Iterator[str]:
    """Build an image of `dockerfile` (its text) with the files of `context`; removed at the end."""
    tag = f"edgepaas-test:{uuid.uuid4().hex[:12]}"
    (context / "Dockerfile").write_text(dockerfile)
    docker().output("build", "--quiet", "--tag", tag, str(context))
    try:
        yield tag
    finally:
        docker().run("image", "rm", "--force", tag)


@contextmanager
def network() -> Iterator[str]:
    """Make a bridge network of one's own; removed at the end."""
    name = f"edgepaas-test-{uuid.uuid4().hex[:12]}"
    docker().output("network", "create", name)
    try:
        yield name
    finally:
        docker().run("network", "rm", name)


def in_image(tag: str, *command: str, **options: str) -> subprocess.CompletedProcess[str]:
    """Run `command` in a fresh container of `tag` without our init; return what it printed."""
    entrypoint, *arguments = command
    extra = [f"--{name}={value}" for name, value in options.items()]
    return docker().run("run", "--rm", *extra, f"--entrypoint={entrypoint}", tag, *arguments)
