"""What the management port answers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from http import HTTPStatus
from typing import Any, NamedTuple

from sidecar import container
from sidecar.container import Container
from sidecar.readiness import Readiness
from sidecar.settings import Settings

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


@dataclass(frozen=True)
class Request:
    """What of a request matters: its Accept and Authorization headers and its query."""

    accept: str
    authorization: str
    query: Mapping[str, list[str]]

    @property
    def wants_text(self) -> bool:
        """Tell whether it is a person who asks."""
        return self.accept.startswith("text/plain") or self.query.get("format") == ["text"]


class Answer(NamedTuple):
    """Status, type and body of an answer."""

    status: HTTPStatus
    type: str
    body: bytes
    headers: Mapping[str, str] = {}


def text(status: HTTPStatus, line: str) -> Answer:
    """Return an answer of one line."""
    return Answer(status, TEXT, f"{line}\n".encode())


def state(request: Request, status: str, *, good: bool, **more: Any) -> Answer:
    """Return a probe's answer: 200 or 503, in one line of text or as JSON."""
    code = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
    if request.wants_text:
        return text(code, f"{status}: {more['reason']}" if more.get("reason") else status)
    return Answer(code, JSON, json.dumps({"status": status, **more}).encode() + b"\n")


UNAUTHORIZED = text(
    HTTPStatus.UNAUTHORIZED, "send the header Authorization: Bearer EDGEPAAS_METRICS_TOKEN"
)._replace(headers={"WWW-Authenticate": "Bearer"})


class Routes:
    """The routes, by path."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.container = Container(settings.run_dir)
        self.readiness = Readiness(settings, self.container)
        self.table: dict[str, Callable[[Request], Answer]] = {
            "/livez": self.livez,
            "/readyz": self.readyz,
            "/startupz": self.startupz,
            "/metrics": self.metrics,
            "/boot": self.boot,
        }

    def livez(self, request: Request) -> Answer:
        """Say that the sidecar runs, and in which phase the container is."""
        return state(request, "alive", good=True, phase=self.container.report()["phase"])

    def readyz(self, request: Request) -> Answer:
        """Say whether requests should come here."""
        verdict = self.readiness.verdict()
        status = "ready" if verdict.ready else "unready"
        more = {"app": verdict.app} if verdict.app is not None else {}
        return state(request, status, good=verdict.ready, reason=verdict.reason, **more)

    def startupz(self, request: Request) -> Answer:
        """Say whether the boot is complete, and if not, what it waits for."""
        report = self.container.report()
        seconds = report["ready_seconds"]
        good = seconds is not None and report["phase"] != "held"
        if good:
            return state(request, "started", good=True, seconds=seconds)
        units = container.units_under_way(report)
        reason = "; ".join(
            f"{each['unit']} {each['state']} for {each['elapsed_seconds']} s"
            f" of {each['deadline_seconds']:g} s"
            for each in units
        )
        return state(request, report["phase"], good=False, reason=reason, units=units)

    def allowed(self, request: Request) -> bool:
        """Tell whether the request bears the token, where there is one."""
        token = self.settings.token()
        return token is None or compare_digest(
            request.authorization.encode(), f"Bearer {token}".encode()
        )

    def boot(self, request: Request) -> Answer:
        """Give the boot report: boot.json, or a table for people."""
        if not self.allowed(request):
            return UNAUTHORIZED
        report = self.container.report()
        if not request.wants_text:
            return Answer(HTTPStatus.OK, JSON, json.dumps(report).encode() + b"\n")
        if "boot_id" not in report:
            return text(HTTPStatus.OK, "no boot report yet")
        from boot.report import render_table  # noqa: PLC0415 (only people need it)

        return Answer(HTTPStatus.OK, TEXT, render_table(report).encode())

    def metrics(self, request: Request) -> Answer:
        """Give all metrics in the format that was asked for."""
        if not self.allowed(request):
            return UNAUTHORIZED
        from sidecar import exposition  # noqa: PLC0415 (prometheus_client costs the boot 40 ms)

        collector = exposition.everything(self.settings, self.container, self.readiness)
        body, kind = exposition.render(collector, request.accept)
        return Answer(HTTPStatus.OK, kind, body)
