"""A fleet recorded by way of the API."""

from typing import Any

import httpx


class Fleet:
    """Records nodes, services, releases and deployments; each is known by its id."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._services: dict[str, str] = {}

    def node(self, name: str, **fields: Any) -> str:
        """Record a node in the region eu."""
        return self._post("nodes", name=name, **{"region": "eu", **fields})

    def beat(self, node: str) -> None:
        """Let a node be heard of."""
        self._client.put(f"/api/v1/nodes/{node}/heartbeat").raise_for_status()

    def release(self, service: str, version: str) -> str:
        """Record a release, and its service where that is new."""
        if service not in self._services:
            self._services[service] = self._post("services", name=service)
        image = f"registry.example/{service}:{version}"
        owner = self._services[service]
        return self._post("releases", service_id=owner, version=version, image=image)

    def deployment(self, node: str, release: str, slot: str) -> str:
        """Begin a deployment."""
        return self._post("deployments", node_id=node, release_id=release, slot=slot)

    def bring(self, deployment: str, *states: str) -> None:
        """Bring a deployment from state to state."""
        for state in states:
            answer = self._client.patch(f"/api/v1/deployments/{deployment}", json={"state": state})
            answer.raise_for_status()

    def _post(self, resource: str, **fields: Any) -> str:
        answer = self._client.post(f"/api/v1/{resource}", json=fields)
        answer.raise_for_status()
        return str(answer.json()["id"])
