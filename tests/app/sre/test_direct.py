"""What is counted directly is what prometheus_client would have counted."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from app.sre import direct

BOUNDS = (0.1, 0.5, 1.0)
SECONDS = [0.0, 0.05, 0.1, 0.1000001, 0.5, 0.7, 1.0, 1.5, float("inf")]


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.mark.parametrize("kind", [Counter, Gauge])
def test_an_adder_adds_to_its_series_only(
    registry: CollectorRegistry, kind: type[Counter] | type[Gauge]
) -> None:
    metric = kind("it", "It.", ["who"], registry=registry)
    metric.labels("other").inc(5)
    add = direct.adder(metric.labels("one"))
    add(1)
    metric.labels("one").inc(2)
    add(0.5)
    name = "it_total" if kind is Counter else "it"
    assert registry.get_sample_value(name, {"who": "one"}) == 3.5
    assert registry.get_sample_value(name, {"who": "other"}) == 5


def test_a_timer_fills_the_buckets_and_the_sum_the_library_would(
    registry: CollectorRegistry,
) -> None:
    timed = Histogram("ours", "Ours.", buckets=BOUNDS, registry=registry)
    observed = Histogram("theirs", "Theirs.", buckets=BOUNDS, registry=registry)
    timer = direct.Timer(timed)
    for seconds in SECONDS:
        timer.observe(seconds)
        observed.observe(seconds)
    timer.keep(timer.observe(0.2), 0.2, {"request_id": "a"})
    observed.observe(0.2, {"request_id": "a"})

    def samples(name: str) -> list[tuple[str, dict[str, str], float, object]]:
        return [
            (
                each.name.removeprefix(name),
                each.labels,
                each.value,
                each.exemplar and each.exemplar.labels,
            )
            for metric in registry.collect()
            for each in metric.samples
            if each.name.startswith(name) and not each.name.endswith("_created")
        ]

    assert samples("ours") == samples("theirs")
