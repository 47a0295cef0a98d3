"""Answers only under the names we are known as: against forged Host headers and DNS rebinding.

Starlette's TrustedHostMiddleware would refuse probes, which ask by address, and answers in text.
"""

from collections.abc import Awaitable

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access.origins import Hosts
from app.access.rules import path_of
from app.problems import problem

PROBES = frozenset({"/health/live", "/health/ready"})


class TrustedHosts:
    """Refuses a Host header that is none of `hosts`."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self.app = app
        self.hosts = hosts

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass on, or answer 400."""
        if scope["type"] == "lifespan" or path_of(scope) in PROBES or self._is_known(scope):
            return self.app(scope, receive, send)
        detail = "this host is not one of EDGEPAAS_ALLOWED_HOSTS"
        return problem(HTTPConnection(scope), 400, detail)(scope, receive, send)

    def _is_known(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"host"]
        return len(given) == 1 and self.hosts.know(given[0].decode("latin-1"))
