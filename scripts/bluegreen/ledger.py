"""Deployments recorded in the ledger app; one that fails is a warning, never a failed deploy."""

from __future__ import annotations

import functools
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Callable, TypeVar

from scripts.bluegreen.config import LedgerPlace
from scripts.bluegreen.state import Operation, Release
from scripts.console import say

SECONDS = 5.0
OPEN = ("starting", "ready", "live", "draining")
API = "/api/v1"

Method = TypeVar("Method", bound=Callable[..., Any])


class Unrecorded(Exception):  # noqa: N818 - it is told, and the deploy goes on
    """The ledger did not take it; `status` is what it answered, 0 for nothing."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


def best_effort(method: Method) -> Method:
    """Turn what goes wrong in `method` into a warning; nothing happens where there is no ledger."""

    @functools.wraps(method)
    def attempt(self: Ledger, *arguments: object) -> object:
        if not self.place.url:
            return ""
        try:
            return method(self, *arguments)
        except (Unrecorded, KeyError, ValueError, OSError) as error:
            say(f"warning: not recorded in the ledger at {self.place.url}: {error}")
            return ""

    return attempt  # type: ignore[return-value]  # the same signature


class Ledger:
    """The ledger's API, as far as a deploy needs it."""

    def __init__(self, place: LedgerPlace) -> None:
        self.place = place
        # No proxy of the environment: the ledger is asked as it is named.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    @best_effort
    def begin(self, operation: Operation) -> str:
        """Record that a deployment starts; return its id, empty where it was not recorded."""
        service = self._ensure("services", {"name": self.place.service})
        node = self._ensure("nodes", {"name": self.place.node}, region=self.place.region)
        for stale in self._open(service, node, slot=operation.slot):
            self._go(stale["id"], "failed", "another deployment took its slot")
        given = {
            "node_id": node,
            "release_id": self._release(service, operation.release),
            "slot": operation.slot,
        }
        return str(self._ask("POST", "/deployments", given)["id"])

    @best_effort
    def ready(self, deployment: str) -> None:
        """Record that it is ready."""
        self._go(deployment, "ready")

    @best_effort
    def switched(self, deployment: str) -> None:
        """Record that it is live, and what was live before is draining."""
        if deployment:
            self._ask("POST", f"/deployments/{deployment}/switch")

    @best_effort
    def drained(self, deployment: str) -> None:
        """Record that what was live before has stopped."""
        if deployment:
            this = self._ask("GET", f"/deployments/{deployment}")
            for other in self._open(this["service_id"], this["node_id"], state="draining"):
                self._go(other["id"], "stopped")

    @best_effort
    def failed(self, deployment: str, reason: str) -> None:
        """Record that it failed."""
        self._go(deployment, "failed", reason.splitlines()[0][:200] if reason else "")

    def _go(self, deployment: str, state: str, reason: str = "") -> None:
        if deployment:
            given = {"state": state, "reason": reason}
            self._ask("PATCH", f"/deployments/{deployment}", given)

    def _release(self, service: str, release: Release) -> str:
        identity = {"service_id": service, "version": release.build}
        return self._ensure("releases", identity, image=release.image_id)

    def _ensure(self, kind: str, identity: dict[str, str], **more: str) -> str:
        """Return the id of what has this identity, made where it is not there."""
        query = urllib.parse.urlencode(identity)
        found = self._ask("GET", f"/{kind}?{query}")["items"]
        if found:
            return str(found[0]["id"])
        return str(self._ask("POST", f"/{kind}", {**identity, **more})["id"])

    def _open(self, service: str, node: str, **filters: str) -> list[dict[str, Any]]:
        wanted = [("service_id", service), ("node_id", node), *filters.items()]
        if "state" not in filters:
            wanted += [("state", state) for state in OPEN]
        query = urllib.parse.urlencode(wanted)
        found: list[dict[str, Any]] = self._ask("GET", f"/deployments?{query}")["items"]
        return found

    def _ask(self, method: str, path: str, given: dict[str, str] | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"} if given else {}
        if self.place.token_file:
            token = self.place.token_file.read_text(encoding="utf-8").strip()
            headers["Authorization"] = f"Bearer {token}"
        body = json.dumps(given).encode() if given else None
        url = f"{self.place.url}{API}{path}"
        request = urllib.request.Request(url, body, headers, method=method)
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            told = error.read(300).decode(errors="replace")
            raise Unrecorded(f"{method} {path}: {error.code} {told}", error.code) from None
        return found
