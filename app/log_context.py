"""What every log line of a request carries: its id, and the trace it belongs to.

Imports nothing of ours. A record gets it as the attribute `context`, which the layer under us
writes into its lines; standing alone nobody reads it.
"""

import logging
import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from opentelemetry import trace

TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}"
)
LONGEST_TRACEPARENT = 55

CURRENT: ContextVar[Mapping[str, str] | None] = ContextVar("log_context", default=None)


def trace_of(traceparent: str) -> dict[str, str]:
    """Return the ids of the span we serve, else of the trace that `traceparent` names, else {}.

    https://www.w3.org/TR/trace-context/#traceparent-header
    """
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        return {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}
    found = TRACEPARENT.match(traceparent[: LONGEST_TRACEPARENT + 1])
    later = traceparent[LONGEST_TRACEPARENT : LONGEST_TRACEPARENT + 1]
    if not found or later not in {"", "-"} or (later and traceparent.startswith("00")):
        return {}
    return {"trace_id": found[1]}


def install() -> None:
    """Have every record of this process made with the context of its request."""
    before = logging.getLogRecordFactory()
    if getattr(before, "has_context", False):
        return

    def record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        made = before(*args, **kwargs)
        made.context = CURRENT.get()
        return made

    record.has_context = True  # type: ignore[attr-defined]  # once is enough
    logging.setLogRecordFactory(record)
