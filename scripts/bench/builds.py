"""How long the image takes to build: after a change of the app, of a dependency, and cold.

In a copy of the checkout, into tags of its own; what it made is removed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts import base_image, build
from scripts.bench.measure import Sample
from scripts.checkout import REQUIREMENTS, ROOT, build_directory
from scripts.console import Failure
from scripts.engine import Engine

TAG = "edgepaas-bench:build"
NEEDED = ("Dockerfile", ".dockerignore", "app", "requirements", "rootfs", "scripts/image")
# A small distribution that the image has not, with its hashes in another lock.
ADDED = "iniconfig"
DEPENDENCY_ROUNDS = 3
CACHES = re.compile(r"--mount=type=cache,target=(\S+?)(,sharing=locked)?(?= )")


class Checkout:
    """A copy of what a build needs of the checkout; each change is one that no build has seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def change_app(self) -> None:
        """Add a line to the app."""
        self._add_line("app/main.py")

    def change_dependencies(self) -> None:
        """Add a dependency, or change the lock that has it already."""
        lock = self.folder / "requirements/runtime.txt"
        if f"\n{ADDED}==" not in lock.read_text(encoding="utf-8"):
            others = (REQUIREMENTS / "dev.txt").read_text(encoding="utf-8")
            entry = re.search(rf"^{ADDED}==.*\n(?:    --hash=.*\n)+", others, re.MULTILINE)
            if entry is None:
                raise Failure(f"requirements/dev.txt has no {ADDED} for the bench to add")
            with lock.open("a", encoding="utf-8") as file:
                file.write(entry[0])
        self._add_line("requirements/runtime.txt")

    def forget_caches(self) -> None:
        """Let the build have no lists and packages of apt and no wheels of pip from before."""
        dockerfile = self.folder / "Dockerfile"
        text = dockerfile.read_text(encoding="utf-8")
        dockerfile.write_text(CACHES.sub(r"--mount=type=tmpfs,target=\1", text), encoding="utf-8")

    def _add_line(self, path: str) -> None:
        with (self.folder / path).open("a", encoding="utf-8") as file:
            file.write(f"# {uuid.uuid4()}\n")


class Builder:
    """Builds both targets of a copy of the checkout, as `make build` does."""

    def __init__(self, docker: Engine, checkout: Checkout) -> None:
        self.docker = docker
        self.checkout = checkout
        self.base = base_image.ensure(docker)
        self.made: list[str] = []

    def build(self, *options: str) -> float:
        """Build both; return the seconds. `options` are for the first, the second follows on it."""
        started = time.monotonic()
        self._build("runtime", f"{TAG}-runtime", *options)
        self._build("app", TAG)
        return time.monotonic() - started

    def remove(self) -> None:
        """Remove every image that was built, but for those that have another name too."""
        self.docker.run("rmi", TAG, f"{TAG}-runtime")
        for name in dict.fromkeys(self.made):
            tags = self.docker.run("image", "inspect", "--format", "{{.RepoTags}}", name)
            if tags.stdout.strip() == "[]":
                self.docker.run("rmi", name)

    def _build(self, target: str, tag: str, *options: str) -> None:
        verb, *arguments, _ = build.arguments(self.base, target, tag)
        command = [self.docker.client, verb, *options, *arguments, str(self.checkout.folder)]
        done = subprocess.run(
            command, env=self.docker.environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Failure(f"the image could not be built:\n{done.stderr[-3000:]}")
        name = self.docker.output("image", "inspect", "--format", "{{.Id}}", tag)
        self.made.append(name)


@contextmanager
def copied() -> Iterator[Checkout]:
    """Yield a copy of the checkout, as far as a build needs it."""
    folder = build_directory("bench") / "checkout"
    shutil.rmtree(folder, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in NEEDED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=ignored, symlinks=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    try:
        yield Checkout(folder)
    finally:
        shutil.rmtree(folder)


def measure(docker: Engine, rounds: int) -> dict[str, Sample]:
    """Return the seconds of each kind of build. Raises Failure when one fails."""
    figures = {name: Sample("s") for name in ("app changed", "dependency added", "cold")}
    with copied() as checkout:
        builder = Builder(docker, checkout)
        try:
            builder.build()
            for _ in range(rounds):
                checkout.change_app()
                figures["app changed"].values.append(builder.build())
            for _ in range(min(rounds, DEPENDENCY_ROUNDS)):
                checkout.change_dependencies()
                figures["dependency added"].values.append(builder.build())
            checkout.forget_caches()
            figures["cold"].values.append(builder.build("--no-cache"))
        finally:
            builder.remove()
    return figures


def table(figures: dict[str, Sample]) -> str:
    """Return the figures for people."""
    lines = (f"  {name:20} {sample.told():>28}" for name, sample in figures.items())
    return "\n".join(["\n  seconds to build both targets", *lines, ""])
