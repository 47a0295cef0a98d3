"""What the OpenAPI description says of access: routes know nothing of it, clients must."""

from typing import Any

from fastapi import FastAPI

from app.access.rules import needed
from app.problems import answers

SCHEME = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of EDGEPAAS_API_TOKENS: `read` for GET and HEAD, `write` for all.",
    }
}


def install(app: FastAPI) -> None:
    """Add to the description of `app`, once it is asked for, what each operation needs."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _describe(describe())
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _describe(schema: dict[str, Any]) -> None:
    schema.setdefault("components", {})["securitySchemes"] = SCHEME
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            role = needed(method.upper(), path)
            if role is None:
                continue
            operation["security"] = [{"bearer": []}, {}]
            refusals = answers(401, 429) if role == "read" else answers(401, 403, 429)
            for status, answer in refusals.items():
                operation["responses"].setdefault(str(status), answer)
