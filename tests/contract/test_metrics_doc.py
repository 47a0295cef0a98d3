"""docs/metrics.md has a row for every metric, in the code's own words, and none besides."""

import re
from pathlib import Path

from tests.support.metric_catalogue import rows
from tests.support.pages import ROOT

DOC = ROOT / "docs/metrics.md"


def test_every_metric_has_its_row_and_every_row_its_metric(tmp_path: Path) -> None:
    found = set(re.findall(r"^\| `edgepaas_.*$", DOC.read_text(), re.MULTILINE))
    declared = set(rows(tmp_path).values())
    missing, strange = sorted(declared - found), sorted(found - declared)
    assert not missing, "docs/metrics.md lacks\n" + "\n".join(missing)
    assert not strange, "docs/metrics.md has\n" + "\n".join(strange)
