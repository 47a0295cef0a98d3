"""The Grafana dashboard, against the published schema; Grafana itself cannot be had here."""

import json
from collections.abc import Iterator
from typing import Any

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.support.pages import ROOT
from tests.support.prometheus import DASHBOARD

GRAFANA = ROOT / "deploy/grafana"
WIDTH = 24
ROWS = [
    "Now",
    "Golden signals",
    "Slots side by side",
    "Boot",
    "Workers",
    "Database",
    "Events and WebSockets",
    "Container",
    "Fleet",
    "The metrics themselves",
]


def dashboard() -> dict[str, Any]:
    """Return the dashboard as it stands in the file."""
    read: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return read


def panels() -> list[dict[str, Any]]:
    """Return its panels that show something."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def lost(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Yield where `theirs` lacks what `ours` has."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            yield from lost(value, theirs.get(key), f"{path}/{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(one, other, f"{path}[{number}]")
    elif ours != theirs:
        yield path


def through_the_schema(ours: dict[str, Any]) -> Any:
    """Return a dashboard as Grafana's published types read and write it."""
    return json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(ours)))


def test_the_published_schema_knows_all_that_it_says() -> None:
    ours = dashboard()
    assert list(lost(ours, through_the_schema(ours))) == []


def test_a_misspelt_option_would_be_found() -> None:
    ours = dashboard()
    ours["panels"][-1]["fieldConfig"]["defaults"]["units"] = "s"
    assert [path[-6:] for path in lost(ours, through_the_schema(ours))] == ["/units"]


def test_it_has_the_rows_somebody_on_call_looks_for() -> None:
    assert [panel["title"] for panel in dashboard()["panels"] if panel["type"] == "row"] == ROWS


def test_panels_have_an_id_a_title_and_a_place_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert panel["title"]
        assert place["x"] + place["w"] <= WIDTH
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_query_goes_to_the_data_source_one_chooses() -> None:
    for panel in panels():
        assert panel["targets"]
        for target in panel["targets"]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert "$job" in target["expr"] or "ALERTS" in target["expr"], panel["title"]


def test_provisioning_names_what_compose_brings_up() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    sources = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())
    (source,) = sources["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in services
    providers = yaml.safe_load((GRAFANA / "provisioning/dashboards/edgepaas.yml").read_text())
    folder = providers["providers"][0]["options"]["path"]
    mounted = dict(volume.split(":")[:2] for volume in services["grafana"]["volumes"])
    assert mounted["./deploy/grafana/edgepaas.json"] == f"{folder}/edgepaas.json"
