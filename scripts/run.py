"""make run: the service, ready, with its address; in a container, or natively without an engine."""

from __future__ import annotations

from scripts import console, engine
from scripts.build import build_all
from scripts.checkout import IMAGE
from scripts.console import say
from scripts.container import Container
from scripts.native import Native
from scripts.service import Ports, tell, wait_until_ready


def run_container(docker: engine.Engine, ports: Ports) -> Container:
    """Build the image and replace the container; raises Failure."""
    Native().remove()
    container = Container(docker)
    container.check(ports)
    build_all(docker)
    say("starting the container edgepaas")
    container.replace(IMAGE, ports)
    return container


def run_native(reason: str, ports: Ports) -> Native:
    """Run the same tree in a virtual environment; raises Failure."""
    say(f"running natively, without a container: {reason}")
    native = Native()
    native.replace(ports)
    return native


def main() -> int:
    """Start, wait until ready, tell."""
    ports = Ports.chosen()
    service: Container | Native
    try:
        docker = engine.ensure()
    except engine.NoEngine as reason:
        service = run_native(str(reason), ports)
    else:
        service = run_container(docker, ports)
    wait_until_ready(service, ports)
    tell(service, ports)
    return 0


if __name__ == "__main__":
    console.run(main)
