"""Whichever service of this checkout is there: the native one if it runs, else the container."""

from __future__ import annotations

from scripts import engine
from scripts.console import Failure
from scripts.container import Container
from scripts.native import Native, running_pid


def find() -> Container | Native:
    """Return it; raises Failure when nothing is there."""
    if running_pid() is not None:
        return Native()
    docker = engine.find()
    if docker is not None:
        container = Container(docker)
        if container.inspect() is not None:
            return container
    raise Failure("nothing is there; `make run` starts it")
