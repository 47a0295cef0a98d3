"""A real Prometheus with the configuration of deploy/prometheus, and what it answers."""

import json
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from tests.support.pages import ROOT
from tests.support.ports import free_port
from tests.support.skip import skip_or_fail
from tests.support.wait import wait_until

DIRECTORY = ROOT / "deploy/prometheus"
DASHBOARD = ROOT / "deploy/grafana/edgepaas.json"
READY_SECONDS = 60.0
ASK_SECONDS = 30.0
# A metric of ours, or the name of a recording rule; not a label, a string or an annotation.
OURS = re.compile(r"\bedgepaas_[a-z0-9_]+|\b[a-z]+:edgepaas_[a-z0-9_]+:[a-z0-9_]+")
SUFFIXES = ("_bucket", "_sum", "_count")


def program(name: str) -> str:
    """Return the path of `prometheus` or `promtool`; skip where the package is missing."""
    found = shutil.which(name)
    if not found:
        skip_or_fail(f"{name} is missing: apt-get install prometheus")
    return found


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run promtool in deploy/prometheus; return status and what it printed."""
    return subprocess.run(
        [program("promtool"), *arguments],
        cwd=DIRECTORY,
        capture_output=True,
        text=True,
        check=False,
    )


def rules(kind: str) -> list[dict[str, Any]]:
    """Return the rules of a kind: "alert" or "record"."""
    found = []
    for path in sorted((DIRECTORY / "rules").glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            found += [rule for rule in group["rules"] if kind in rule]
    return found


def queries() -> dict[str, str]:
    """Return every query of the dashboard, by its panel's title and its letter."""
    found = {}
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            found[f"{panel['id']} {panel['title']} {target['refId']}"] = target["expr"]
    return found


def filled_in(query: str, job: str = ".*", instance: str = ".*", interval: str = "1m") -> str:
    """Return a query with the dashboard's variables as Grafana fills them in."""
    values = {"$job": job, "$instance": instance, "$__rate_interval": interval}
    for name, value in values.items():
        query = query.replace(name, value)
    return query


class Prometheus:
    """One server that scrapes `targets` (host:port) every 5 s, with our rules."""

    def __init__(self, directory: Path, targets: Sequence[str]) -> None:
        self.port = free_port()
        self.directory = directory
        self._write_configuration(targets)
        self._log = (directory / "log").open("w")
        self._process: subprocess.Popen[str] | None = None

    def _write_configuration(self, targets: Sequence[str]) -> None:
        configuration = yaml.safe_load((DIRECTORY / "prometheus.yml").read_text())
        configuration["global"] = {"scrape_interval": "5s", "evaluation_interval": "2s"}
        for job in configuration["scrape_configs"]:
            job["scrape_timeout"] = "5s"
        shutil.copytree(DIRECTORY / "rules", self.directory / "rules")
        (self.directory / "targets").mkdir()
        (self.directory / "targets/test.yml").write_text(
            yaml.safe_dump([{"targets": list(targets)}])
        )
        (self.directory / "prometheus.yml").write_text(yaml.safe_dump(configuration))

    def __enter__(self) -> Self:
        arguments = [
            program("prometheus"),
            f"--config.file={self.directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=warn",
        ]
        self._process = subprocess.Popen(
            arguments, stdout=self._log, stderr=subprocess.STDOUT, text=True
        )
        wait_until(self._is_ready, READY_SECONDS, "Prometheus ready", poll=0.2)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(READY_SECONDS)
        self._log.close()

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.directory / "log").read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5):
                return True
        except (OSError, urllib.error.URLError):
            return False

    def ask(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer of the HTTP API; fails with what it says is wrong."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=ASK_SECONDS) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refusal:
            raise AssertionError(f"{parameters}: {refusal.read().decode()}") from None

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the samples of an expression now."""
        result: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return result

    def value(self, expression: str) -> float:
        """Return the one value of an expression now; 0 where there is none."""
        samples = self.query(expression)
        return float(samples[0]["value"][1]) if samples else 0.0
