"""The headers of a request by name: read once, for all that every request passes through."""

from starlette.types import Scope

KEY = "edgepaas.headers"

Headers = dict[bytes, bytes]


def headers_of(scope: Scope) -> Headers:
    """Return the headers of the request that `scope` belongs to; of two with a name, the last."""
    found: Headers | None = scope.get(KEY)
    if found is None:
        found = scope[KEY] = dict(scope["headers"])
    return found
