"""The stop budget: one number, and what follows from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boot.budget import ARBITER_MARGIN, GRACEFUL_LEAST, derive


def test_the_parts_of_the_default_budget() -> None:
    budget = derive(9, 0)
    assert budget.web == pytest.approx(8.1)
    assert budget.graceful == pytest.approx(7.6)
    assert budget.last == pytest.approx(0.9)


@given(st.floats(0, 3600), st.floats(0, 3600))
def test_the_parts_never_exceed_the_whole(total: float, drain: float) -> None:
    try:
        budget = derive(total, drain)
    except ValueError:
        return
    assert budget.drain + budget.web + budget.last <= total + 1e-6
    assert budget.graceful >= GRACEFUL_LEAST
    assert budget.web - budget.graceful == pytest.approx(ARBITER_MARGIN)


@given(st.floats(0, 3600))
def test_the_budget_an_error_names_is_enough(drain: float) -> None:
    with pytest.raises(ValueError, match="set EDGEPAAS_STOP_TIMEOUT=") as error:
        derive(drain, drain)
    least = str(error.value).split("set EDGEPAAS_STOP_TIMEOUT=")[1].split()[0]
    assert derive(float(least) * 1.001, drain).graceful >= GRACEFUL_LEAST
