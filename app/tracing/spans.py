"""Spans: OpenTelemetry's interfaces, carried out as far as FastAPI and an app need them.

Imports nothing of ours.
"""

import random
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    TracerProvider,
)

PERCENT = 100
EVENTS_MOST = 32
ATTRIBUTES_MOST = 64
NOT_TOLD = frozenset({"url.query"})  # it may hold what nobody is to see
SAMPLED = TraceFlags(TraceFlags.SAMPLED)

Attributes = Mapping[str, Any] | None


class Recorded(Span):
    """A span that is sent once it ends."""

    def __init__(
        self,
        name: str,
        kind: SpanKind,
        context: SpanContext,
        parent: SpanContext | None,
        ended: Callable[["Recorded"], None],
    ) -> None:
        self.name = name
        self.kind = kind
        self.context = context
        self.parent = parent
        self.began = time.time_ns()
        self.end_time: int | None = None
        self.attributes: dict[str, Any] = {}
        self.events: list[tuple[int, str, dict[str, Any]]] = []
        self.status = Status()
        self._ended = ended

    def end(self, end_time: int | None = None) -> None:
        """End it, once."""
        if self.end_time is None:
            self.end_time = end_time or time.time_ns()
            self._ended(self)

    def get_span_context(self) -> SpanContext:
        """Return its ids."""
        return self.context

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set several attributes."""
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def set_attribute(self, key: str, value: Any) -> None:
        """Set one attribute."""
        if key not in NOT_TOLD and (
            key in self.attributes or len(self.attributes) < ATTRIBUTES_MOST
        ):
            self.attributes[key] = value

    def add_event(
        self, name: str, attributes: Attributes = None, timestamp: int | None = None
    ) -> None:
        """Note that something happened."""
        if len(self.events) < EVENTS_MOST:
            self.events.append((timestamp or time.time_ns(), name, dict(attributes or {})))

    def update_name(self, name: str) -> None:
        """Give it another name."""
        self.name = name

    def is_recording(self) -> bool:
        """Tell whether it has not ended."""
        return self.end_time is None

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set whether it went well."""
        self.status = status if isinstance(status, Status) else Status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: ARG002 (OpenTelemetry's signature)
    ) -> None:
        """Note an exception: its type and where it was, not what it said: that may be a secret."""
        frames = traceback.format_tb(exception.__traceback__)
        what = {"exception.type": type(exception).__name__, "exception.stacktrace": "".join(frames)}
        self.add_event("exception", {**what, **(attributes or {})}, timestamp)


class OurTracer(Tracer):
    """Makes spans: those of one trace all, or none of them, as the caller's trace says."""

    def __init__(self, ended: Callable[[Recorded], None], share: float) -> None:
        self.ended = ended
        self.share = share

    def start_span(  # noqa: PLR0913, PLR0917 (OpenTelemetry's signature)
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,  # noqa: ARG002
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: ARG002
        set_status_on_exception: bool = True,  # noqa: ARG002
    ) -> Span:
        """Return a span that has begun."""
        parent = trace.get_current_span(context).get_span_context()
        known = parent if parent.is_valid else None
        trace_id = known.trace_id if known else random.getrandbits(128) or 1
        sampled = known.trace_flags.sampled if known else self._takes(trace_id)
        flags = SAMPLED if sampled else TraceFlags(TraceFlags.DEFAULT)
        own = SpanContext(
            trace_id,
            random.getrandbits(64) or 1,
            is_remote=False,
            trace_flags=flags,
            trace_state=known.trace_state if known else None,
        )
        if not sampled:
            return NonRecordingSpan(own)
        span = Recorded(name, kind, own, known, self.ended)
        span.began = start_time or span.began
        span.set_attributes(attributes or {})
        return span

    @contextmanager
    def start_as_current_span(  # type: ignore[override]  # noqa: PLR0913, PLR0917 (OpenTelemetry's signature)
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Iterator[Span]:
        """Begin a span, within which everything is its child."""
        span = self.start_span(name, context, kind, attributes, links, start_time)
        with trace.use_span(span, end_on_exit, record_exception, set_status_on_exception):
            yield span

    def _takes(self, trace_id: int) -> bool:
        return (trace_id & 0xFFFFFFFF) / 0x100000000 < self.share


class Provider(TracerProvider):
    """Gives out tracers; `ended` is called with each span that ends, `percent` of traces are."""

    def __init__(self, ended: Callable[[Recorded], None], percent: int) -> None:
        self.tracer = OurTracer(ended, percent / PERCENT)

    def get_tracer(self, *_: Any, **__: Any) -> Tracer:
        """Return the tracer: there is one."""
        return self.tracer
