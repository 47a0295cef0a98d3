"""Traces, sent to a real receiver over HTTP: what a span tells, and that nobody waits for it."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.settings import Settings, SettingsError, load
from app.tracing.exporter import MOST, Exporter
from app.tracing.spans import Provider, Recorded
from tests.app.conftest import ROOT, Serve
from tests.support.collector import Collector
from tests.support.ports import free_port
from tests.support.wait import wait_until

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
PATIENCE = 30.0


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as made:
        yield made


def traced(settings: Settings, collector: Collector, **more: Any) -> Settings:
    return replace(settings, trace_endpoint=collector.endpoint, slot="blue", **more)


def test_a_request_is_a_span_with_its_route_and_status_in_the_caller_s_trace(
    serve: Serve, sqlite_settings: Settings, collector: Collector
) -> None:
    client = serve(traced(sqlite_settings, collector, trace_headers={"x-key": "k"}))
    client.get("/health/live")
    client.get("/version?token=s3cret", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})
    client.get("/api/v1/nodes/00000000-0000-0000-0000-000000000000")
    wait_until(lambda: len(collector.spans) == 2, PATIENCE, "two spans")
    first, second = collector.spans
    assert (first["traceId"], first["parentSpanId"]) == (TRACE, SPAN)
    assert (first["name"], first["kind"]) == ("GET /version", 2)
    assert first["attributes"]["http.route"] == "/version"
    assert first["attributes"]["http.response.status_code"] == 200
    assert int(first["endTimeUnixNano"]) >= int(first["startTimeUnixNano"])
    assert second["traceId"] != TRACE
    assert second["attributes"]["http.response.status_code"] == 404
    assert second["attributes"]["http.route"] == "/api/v1/nodes/{node_id}"
    assert collector.resources[0]["service.name"] == "edgepaas"
    assert collector.resources[0]["edgepaas.slot"] == "blue"
    path, headers = collector.requests[0]
    assert (path, headers["x-key"]) == ("/v1/traces", "k")
    assert "s3cret" not in str(collector.spans)


def test_log_lines_carry_the_ids_of_the_span(
    serve: Serve, sqlite_settings: Settings, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    client = serve(traced(sqlite_settings, collector))
    client.post("/api/v1/nodes", content=b"{", headers={"X-Request-ID": "mine"})
    wait_until(lambda: collector.spans, PATIENCE, "a span")
    contexts = [getattr(record, "context", None) for record in caplog.records]
    told = [each for each in contexts if each and each["request_id"] == "mine"]
    assert all(each["trace_id"] == collector.spans[0]["traceId"] for each in told)
    assert all(each["span_id"] == collector.spans[0]["spanId"] for each in told)


def test_what_waits_at_the_end_is_sent_then(
    sqlite_settings: Settings, collector: Collector
) -> None:
    exporter = Exporter(collector.endpoint, {}, {})
    span = Provider(exporter.put, 100).get_tracer("t").start_span("last")
    span.end()
    exporter.close(PATIENCE)
    assert [each["name"] for each in collector.spans] == ["last"]


def test_a_trace_that_its_beginning_left_out_is_not_recorded_here(collector: Collector) -> None:
    ended: list[Recorded] = []
    none, all_of_them = (Provider(ended.append, share).get_tracer("t") for share in (0, 100))
    left_out = none.start_span("x")
    left_out.end()
    assert left_out.get_span_context().is_valid
    assert not ended
    with none.start_as_current_span("parent"):
        all_of_them.start_span("child").end()
    assert not ended
    with all_of_them.start_as_current_span("parent") as parent:
        none.start_span("child").end()
    assert [span.name for span in ended] == ["child", "parent"]
    assert ended[0].parent == parent.get_span_context()


def test_a_collector_that_is_away_costs_the_oldest_spans_and_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    exporter = Exporter(f"http://127.0.0.1:{free_port()}", {}, {})
    tracer = Provider(exporter.put, 100).get_tracer("t")
    for number in range(MOST + 10):
        tracer.start_span(f"span {number}").end()
    exporter.close(PATIENCE)
    assert exporter.lost == 10
    (record,) = caplog.records
    assert "traces not sent to 127.0.0.1" in record.getMessage()


@pytest.mark.parametrize(("status", "lost"), [(503, 0), (400, 1)])
def test_what_a_collector_refuses_is_lost_and_what_it_has_no_time_for_waits(
    collector: Collector, status: int, lost: int, caplog: pytest.LogCaptureFixture
) -> None:
    collector.status = status
    exporter = Exporter(collector.endpoint, {}, {})
    Provider(exporter.put, 100).get_tracer("t").start_span("x").end()
    exporter.close(PATIENCE)
    assert exporter.lost == lost
    assert str(status) in caplog.text


def test_an_exception_is_told_without_its_words(collector: Collector) -> None:
    exporter, said = Exporter(collector.endpoint, {}, {}), "s3cret"
    with (
        pytest.raises(ValueError, match=said),
        Provider(exporter.put, 100).get_tracer("t").start_as_current_span("x"),
    ):
        raise ValueError(said)
    exporter.close(PATIENCE)
    (span,) = collector.spans
    assert span["status"]["code"] == 2
    assert "ValueError" in str(span["events"])
    assert said not in str(span)


def test_off_nothing_of_it_is_imported() -> None:
    program = (
        "import sys; from app.main import create_app; from app.settings import load; "
        "app = create_app(load({})); "
        "sys.exit(' '.join(m for m in sys.modules if m.startswith('app.tracing.')) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "novalue"),
        ("EDGEPAAS_TRACE_SAMPLE", "101"),
    ],
)
def test_a_setting_that_cannot_be_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load({name: value})
