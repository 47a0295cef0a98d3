"""The numbers in docs/drain.md are those the code comes to."""

import re
from pathlib import Path

import pytest

from boot.budget import derive
from web.grace import share

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/drain.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\w+) \| [^|]+ \| ([\d.]+) \| ([\d.]+) \|$", re.MULTILINE)
COLUMNS = [(9.0, 0.0), (30.0, 5.0)]


@pytest.mark.parametrize(("column", "given"), list(enumerate(COLUMNS)), ids=["9 s", "30 s"])
def test_every_part_of_the_budget_is_what_the_page_says(
    column: int, given: tuple[float, float]
) -> None:
    budget = derive(*given)
    graceful = int(budget.graceful)  # as gunicorn.conf.py does
    grace = share(graceful)
    parts = {
        "drain": budget.drain,
        "last": budget.last,
        "web": budget.web,
        "graceful": graceful,
        "linger": grace.linger,
        "finish": grace.finish,
        "spread": grace.spread,
        "rest": graceful - sum(grace),
    }
    said = {row[0]: float(row[1 + column]) for row in ROW.findall(PAGE)}
    assert said == pytest.approx(parts)


def test_every_test_the_page_names_is_there() -> None:
    named = re.findall(r"\(\.\./(tests/[\w/]+\.py)\)", PAGE)
    assert named
    assert [each for each in named if not (ROOT / each).exists()] == []
