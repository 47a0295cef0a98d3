"""The whole service natively: our own units and the real app under the real PID 1."""

import http.client
import json
from typing import Any, NamedTuple

from tests.support.native_boot import CHECKOUT, ROOTFS, NativeBoot
from tests.support.ports import free_port

NODES = "/api/v1/nodes"
PATIENCE = 120.0


class Answer(NamedTuple):
    """A response, its body read as JSON."""

    status: int
    headers: dict[str, str]
    body: Any


class NativeService:
    """One boot of all our units, not started yet; `boot` is what it runs as."""

    def __init__(self, boot: NativeBoot, database: str, **variables: str) -> None:
        self.boot = boot
        self.data = boot.directory / "data"
        self.port, self.management = free_port(), free_port()
        for path in (ROOTFS / "etc/supervisor/conf.d").glob("*.conf"):
            (boot.conf_d / path.name).symlink_to(path)
        boot.environment.update(
            EDGEPAAS_APP_DIR=str(CHECKOUT),
            EDGEPAAS_BIND="127.0.0.1",
            EDGEPAAS_METRICS_BIND="127.0.0.1",
            EDGEPAAS_METRICS_PORT=str(self.management),
            PORT=str(self.port),
            TMPDIR=str(boot.directory),
            WEB_CONCURRENCY="1",
            DATABASE_URL=database,
            EDGEPAAS_DB_WAIT_TIMEOUT="1",
            EDGEPAAS_DB_FALLBACK="accept-divergence",
            **variables,
        )

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        self.boot.start()
        self.boot.wait("ready")

    def ask(self, path: str, body: object = None, *, management: bool = False) -> Answer:
        """Ask the app, or the management port; a body makes it a POST. Raises OSError."""
        port = self.management if management else self.port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            if body is None:
                connection.request("GET", path)
            else:
                headers = {"content-type": "application/json"}
                connection.request("POST", path, json.dumps(body), headers)
            response = connection.getresponse()
            content = response.read()
            headers = {name.lower(): value for name, value in response.getheaders()}
        finally:
            connection.close()
        return Answer(response.status, headers, json.loads(content) if content else None)

    def ready(self) -> Answer:
        """Return what the app says of itself."""
        return self.ask("/health/ready")

    def add(self, name: str) -> None:
        """Record a node."""
        answer = self.ask(NODES, {"name": name, "region": "eu-west"})
        assert answer.status == http.client.CREATED, answer

    def names(self) -> list[str]:
        """Return the names of all nodes."""
        return [node["name"] for node in self.ask(NODES).body["items"]]
