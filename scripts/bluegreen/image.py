"""The image to deploy, pinned: whatever its name comes to mean, both slots know it by its id."""

from __future__ import annotations

import json
from dataclasses import dataclass

from scripts.bluegreen.docker import Docker
from scripts.bluegreen.outcome import Outcome, Stopped
from scripts.bluegreen.state import Release

VERSION_LABEL = "org.opencontainers.image.version"
BUILD = "EDGEPAAS_BUILD_ID"


@dataclass(frozen=True)
class Image:
    """An image that is here, and the environment it brings."""

    release: Release
    env: dict[str, str]


def resolve(docker: Docker, name: str) -> Image:
    """Return the image of that name, digest or id, pulled where it is not here; raises Stopped."""
    done = docker.run("image", "inspect", name)
    if done.returncode != 0:
        pulled = docker.run("pull", "--quiet", name)
        if pulled.returncode != 0:
            why = pulled.stderr.strip() or done.stderr.strip()
            raise Stopped(f"there is no image {name} here, and pulling it failed: {why}")
        done = docker.run("image", "inspect", name)
    found = json.loads(done.stdout)[0]
    env = dict(line.split("=", 1) for line in found["Config"]["Env"] or ())
    if not env.get(BUILD):
        raise Stopped(
            f"{name} does not say which build it is: set {BUILD} in its Dockerfile",
            Outcome.CONFIG,
        )
    version = (found["Config"]["Labels"] or {}).get(VERSION_LABEL) or "unknown"
    return Image(Release(name, found["Id"], env[BUILD], version), env)
