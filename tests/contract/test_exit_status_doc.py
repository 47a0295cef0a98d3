"""docs/exit-status.md, the table in code and what scripts say of a status agree."""

import pytest

from boot.exit_status import EXPLANATIONS, ExitStatus, explain
from scripts.service import meaning
from tests.support.pages import read, rows

TABLE = {row[0]: row[1:] for row in rows(read("docs/exit-status.md")) if row[0].isdigit()}


@pytest.mark.parametrize("status", ExitStatus, ids=lambda status: status.name)
def test_every_status_is_documented_in_the_words_of_the_code(status: ExitStatus) -> None:
    words, advice = EXPLANATIONS[status]
    row = [status.name, words, advice]
    line = f"| {int(status)} | {' | '.join(row)} |"
    assert TABLE.get(str(int(status))) == row, f"docs/exit-status.md needs this row: {line}"


def test_no_other_status_is_documented() -> None:
    assert set(TABLE) == {str(int(status)) for status in ExitStatus}


def test_no_status_is_one_that_anything_could_end_with() -> None:
    by_accident = {1, 2, *range(128, 256)}
    assert not by_accident & {int(status) for status in ExitStatus}


@pytest.mark.parametrize("status", [ExitStatus.CONFIG, ExitStatus.UNREACHABLE, 143, 3])
def test_make_run_explains_a_status_with_the_same_words(status: int) -> None:
    assert meaning(status) == "; ".join(explain(status))
