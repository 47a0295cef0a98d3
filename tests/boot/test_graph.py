"""The graph of units: its order, and what is wrong with it."""

from hypothesis import given
from hypothesis import strategies as st

from boot.graph import dependents_of, order, validate
from boot.units import Kind, Ready, Unit, When


def unit(name: str, *requires: str, kind: Kind = Kind.ONESHOT, when: When = When.BOOT) -> Unit:
    ready = Ready.EXIT if kind is Kind.ONESHOT else Ready.STARTED
    return Unit(name, kind, requires, ready=ready, when=when, where=f"{name}.conf:1")


def told(*units: Unit) -> list[str]:
    return [str(problem) for problem in validate(units)]


def names(*units: Unit) -> list[str]:
    return [each.name for each in order(units)]


def test_longruns_that_require_nothing_come_first_and_then_file_order() -> None:
    units = [unit("a"), unit("b"), unit("side", kind=Kind.LONGRUN), unit("c", "a")]
    assert names(*units) == ["side", "a", "b", "c"]


@given(st.lists(st.sets(st.integers(0, 19)), max_size=20))
def test_every_unit_comes_after_what_it_requires(parents: list[set[int]]) -> None:
    units = [
        unit(str(number), *(str(each) for each in above if each < number))
        for number, above in enumerate(parents)
    ]
    assert not validate(units)
    place = {each.name: index for index, each in enumerate(order(units))}
    assert len(place) == len(units)
    assert all(place[each] < place[u.name] for u in units for each in u.requires)


@given(st.lists(st.sets(st.integers(0, 9)), min_size=1, max_size=10))
def test_a_unit_that_cannot_start_is_always_told(parents: list[set[int]]) -> None:
    units = [unit(str(number), *map(str, above)) for number, above in enumerate(parents)]
    assert bool(validate(units)) is (len(order(units)) < len(units))


def test_an_unknown_requirement_is_told_with_what_is_known() -> None:
    assert told(unit("a", "zzzzzz")) == [
        "a.conf:1: a requires zzzzzz, which does not exist; known are a"
    ]


def test_a_cycle_is_told_with_its_path_and_what_waits_for_it_is_told_too() -> None:
    problems = told(unit("a", "c"), unit("b", "a"), unit("c", "b"), unit("d", "c"))
    assert problems == [
        "a.conf:1: a cycle: a -> c -> b -> a; remove one `requires` of it",
        "d.conf:1: d can never start: it waits for c; cure that one first",
    ]


def test_a_unit_that_requires_itself_is_a_cycle() -> None:
    assert told(unit("a", "a")) == ["a.conf:1: a cycle: a -> a; remove one `requires` of it"]


def test_two_cycles_are_both_told() -> None:
    assert len(told(unit("a", "b"), unit("b", "a"), unit("c", "d"), unit("d", "c"))) == 2


def test_a_unit_of_the_boot_cannot_wait_for_a_stop_hook() -> None:
    (problem,) = told(unit("hook", when=When.STOP), unit("web", "hook"))
    assert "web (boot) requires hook (stop)" in problem


def test_dependents_are_who_requires_a_unit() -> None:
    assert dependents_of([unit("a"), unit("b", "a"), unit("c", "a", "b")]) == {
        "a": ["b", "c"],
        "b": ["c"],
    }
