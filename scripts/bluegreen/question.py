"""Questions to a slot or to the proxy, each on a connection of its own."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

SECONDS = 5.0
MOST_BYTES = 1 << 20
IN_FLIGHT = re.compile(rb"^edgepaas_http_requests_in_flight(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """Status and body of an answer; status 0 means that none came, and `body` says why."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether it was a success."""
        return self.status == HTTPStatus.OK


@dataclass(frozen=True)
class Asker:
    """Asks in the name of `host`, as clients do; `token` opens the management port."""

    host: str = ""
    verify: bool = True
    token: str = ""

    def ask(self, url: str, seconds: float = SECONDS) -> Answer:
        """Return the answer to a GET of `url`."""
        parts = urlsplit(url)
        connection = self._connection(parts.scheme, parts.hostname or "", parts.port, seconds)
        headers = {"Connection": "close", "User-Agent": "edgepaas-blue-green"}
        if self.host:
            headers["Host"] = self.host
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            connection.request("GET", parts.path or "/", headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(MOST_BYTES))
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, repr(error).encode())
        finally:
            connection.close()

    def _connection(
        self, scheme: str, host: str, port: int | None, seconds: float
    ) -> http.client.HTTPConnection:
        if scheme != "https":
            return http.client.HTTPConnection(host, port, timeout=seconds)
        context = ssl.create_default_context()
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=context)

    def identity(self, url: str) -> tuple[str, str]:
        """Return build and slot of who answers; the reason and an empty string when nobody does."""
        answer = self.ask(url)
        try:
            found = json.loads(answer.body) if answer.ok else {}
            return str(found["build"]), str(found["slot"])
        except (ValueError, KeyError, TypeError):
            return (
                f"{answer.status or 'no answer'}: {answer.body[:200].decode(errors='replace')}",
                "",
            )

    def in_flight(self, management_url: str) -> int | None:
        """Return how many requests a slot is busy with; None where it does not say."""
        answer = self.ask(f"{management_url}/metrics")
        found = IN_FLIGHT.findall(answer.body) if answer.ok else []
        return int(sum(float(value) for value in found)) if found else None
