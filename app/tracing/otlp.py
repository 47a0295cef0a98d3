"""Spans as OTLP spells them in JSON. Imports spans only for their type.

The protocol: github.com/open-telemetry/opentelemetry-proto, docs/specification.md: OTLP/HTTP. Ids
are hexadecimal there, 64-bit numbers are strings.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.tracing.spans import Recorded

PATH = "/v1/traces"
SCOPE = {"name": "app.tracing"}


def encode(spans: Sequence[Recorded], resource: Mapping[str, Any]) -> bytes:
    """Return the body of one export."""
    batch = {
        "resource": {"attributes": attributes(resource)},
        "scopeSpans": [{"scope": SCOPE, "spans": [span(each) for each in spans]}],
    }
    return json.dumps({"resourceSpans": [batch]}, separators=(",", ":")).encode()


def span(one: Recorded) -> dict[str, Any]:
    """Return one span."""
    told = {
        "traceId": f"{one.context.trace_id:032x}",
        "spanId": f"{one.context.span_id:016x}",
        "name": one.name,
        "kind": one.kind.value + 1,
        "startTimeUnixNano": str(one.began),
        "endTimeUnixNano": str(one.end_time),
        "attributes": attributes(one.attributes),
        "events": [
            {"timeUnixNano": str(when), "name": name, "attributes": attributes(more)}
            for when, name, more in one.events
        ],
        "status": {"code": one.status.status_code.value},
    }
    if one.parent:
        told["parentSpanId"] = f"{one.parent.span_id:016x}"
    return told


def attributes(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return attributes as a list of keys and values."""
    return [{"key": key, "value": value(each)} for key, each in given.items() if each is not None]


def value(given: Any) -> dict[str, Any]:
    """Return one value under the name of its type."""
    if isinstance(given, bool):
        return {"boolValue": given}
    if isinstance(given, int):
        return {"intValue": str(given)}
    if isinstance(given, float):
        return {"doubleValue": given}
    if isinstance(given, Iterable) and not isinstance(given, str | bytes):
        return {"arrayValue": {"values": [value(each) for each in given]}}
    return {"stringValue": given if isinstance(given, str) else str(given)}
