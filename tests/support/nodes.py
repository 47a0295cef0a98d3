"""Rows of the app, written and read through its API."""

import json
from http import HTTPStatus
from typing import Any

from tests.support.container import Container

PATH = "/api/v1/nodes"


def add(container: Container, name: str) -> None:
    """Record a node."""
    body = json.dumps({"name": name, "region": "eu-west"})
    headers: dict[str, Any] = {"content-type": "application/json"}
    answer = container.http(PATH, method="POST", body=body, **headers)
    assert answer.status == HTTPStatus.CREATED, answer.text


def names(container: Container) -> list[str]:
    """Return the names of all nodes, in the order of their making."""
    return [node["name"] for node in container.http(PATH).json()["items"]]
