"""What each request needs: by method and path, so that routes need not know of it.

Imports nothing of ours but the tokens.
"""

from starlette.types import Scope

from app.access.tokens import Role

# Probes and deploys ask these without a token; what they tell is in the headers of any answer.
OPEN = frozenset({"/health/live", "/health/ready", "/version", "/login", "/logout"})
OPEN_BELOW = "/static/"
SAFE_METHODS = frozenset({"GET", "HEAD"})


def needed(method: str, path: str) -> Role | None:
    """Return the role that a request needs; None where it needs none."""
    if path in OPEN or path.startswith(OPEN_BELOW):
        return None
    return "read" if method in SAFE_METHODS else "write"


def path_of(scope: Scope) -> str:
    """Return the path as the routes see it: without the prefix a proxy serves us under."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def method_of(scope: Scope) -> str:
    """Return the method; a WebSocket only reads."""
    method: str = scope.get("method", "GET")
    return method
