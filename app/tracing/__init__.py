"""Traces to an OpenTelemetry collector, where OTEL_EXPORTER_OTLP_ENDPOINT names one.

Nothing here is imported where it does not. FastAPI makes the spans of requests; this is the
smallest provider and exporter behind it: the SDK would take 14 MB of every image
(docs/decisions.md).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.settings import Settings

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig

    from app.tracing.exporter import Exporter

PROBES = "/health/"


def exporter_for(settings: Settings) -> "Exporter":
    """Return what sends spans. Nothing is sent, and no thread runs, before the first."""
    from app.tracing.exporter import Exporter  # noqa: PLC0415 (only where traces are wanted)

    return Exporter(settings.trace_endpoint, settings.trace_headers, resource(settings))


def telemetry(settings: Settings, sends: "Exporter | None") -> "TelemetryConfig":
    """Return what FastAPI is to trace: requests and WebSockets, but no probes; or nothing."""
    off: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
    if sends is None:
        return {**off, "auto_configure": False}
    from app.tracing.spans import Provider  # noqa: PLC0415 (as above)

    return {
        **off,
        "tracing": True,
        "tracer_provider": Provider(sends.put, settings.trace_sample),
        "operation_spans": False,
        "auto_configure": False,
        "exclude": is_probe,
    }


def is_probe(scope: Mapping[str, Any]) -> bool:
    """Tell whether it is a health probe that asks."""
    return str(scope.get("path", "")).startswith(PROBES)


def resource(settings: Settings) -> dict[str, str]:
    """Return who sends these spans, in OpenTelemetry's names for it."""
    named = {
        "service.name": settings.service_name,
        "service.version": settings.version,
        "service.instance.id": settings.boot_id,
        "deployment.environment.name": "production" if settings.production else "",
        "edgepaas.slot": settings.slot,
        "edgepaas.build": settings.build_id,
    }
    return {name: value for name, value in named.items() if value}
