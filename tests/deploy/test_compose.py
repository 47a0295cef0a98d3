"""compose.yaml, held against the compose specification; no image of it can be pulled here."""

import re

import compose_spec
import pytest
import yaml

from tests.support.pages import ROOT

TEXT = (ROOT / "compose.yaml").read_text()
DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")
SERVICES = yaml.safe_load(TEXT)["services"]


def interpolated() -> str:
    """Return the file as compose reads it where no variable is set."""
    return DEFAULT.sub(r"\1", TEXT)


def test_it_is_what_the_specification_says() -> None:
    parsed = compose_spec.PyCompose.from_yaml(interpolated())
    parsed.validate()
    assert sorted(parsed.service_names()) == ["app", "database", "grafana", "prometheus"]


def test_a_misspelt_key_would_be_found() -> None:
    with pytest.raises(ValueError, match="read_onli"):
        compose_spec.PyCompose.from_yaml(interpolated().replace("read_only", "read_onli"))


def test_what_it_mounts_and_names_is_there() -> None:
    document = yaml.safe_load(interpolated())
    for name, service in document["services"].items():
        assert set(service.get("depends_on", [])) <= document["services"].keys(), name
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source[0] == "." else source in document["volumes"]


def test_it_listens_on_the_laptop_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_prometheus_scrapes_the_app_of_this_file() -> None:
    (group,) = yaml.safe_load((ROOT / "deploy/prometheus/targets/compose.yml").read_text())
    assert group["targets"] == ["app:9464"]
    assert "app" in SERVICES
