"""The graph of units: what is wrong with it, and an order that honours `requires`."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence

from boot.units import Problem, Unit


def validate(units: Sequence[Unit]) -> list[Problem]:
    """Return every problem of the graph: unknown names, cycles, units nothing can reach."""
    by_name = {unit.name: unit for unit in units}
    problems = [problem for unit in units for problem in _requirements(unit, by_name)]
    startable = {unit.name for unit in order(units)}
    stuck = {unit.name: unit for unit in units if unit.name not in startable}
    cycles = list(_cycles(stuck))
    problems.extend(_cycle_problem(cycle, by_name) for cycle in cycles)
    explained = {name for cycle in cycles for name in cycle}
    for unit in stuck.values():
        behind = [name for name in unit.requires if name in stuck]
        if behind and unit.name not in explained:
            what = f"{unit.name} can never start: it waits for {behind[0]}"
            problems.append(Problem(unit.where, what, "cure that one first"))
    return problems


def order(units: Sequence[Unit]) -> list[Unit]:
    """Return the units that can start, each after what it requires.

    Among units that could come next, longruns come first and then file order: so the
    management port is up before the first step. Linear in units and requirements.
    """
    by_name = {unit.name: unit for unit in units}
    missing = {unit.name: len(unit.requires) for unit in units}
    dependents = dependents_of(units)
    free = deque(sorted((u for u in units if not u.requires), key=lambda u: u.kind != "longrun"))
    result: list[Unit] = []
    while free:
        unit = free.popleft()
        result.append(unit)
        for name in dependents.get(unit.name, ()):
            missing[name] -= 1
            if not missing[name]:
                free.append(by_name[name])
    return result


def dependents_of(units: Sequence[Unit]) -> dict[str, list[str]]:
    """Return for each required name the units that require it."""
    dependents: dict[str, list[str]] = {}
    for unit in units:
        for name in unit.requires:
            dependents.setdefault(name, []).append(unit.name)
    return dependents


def all_dependents_of(name: str, dependents: Mapping[str, Sequence[str]]) -> set[str]:
    """Return every unit that requires `name`, directly or through others."""
    found: set[str] = set()
    ahead = [name]
    while ahead:
        new = set(dependents.get(ahead.pop(), ())) - found
        found |= new
        ahead.extend(new)
    return found


def _requirements(unit: Unit, by_name: Mapping[str, Unit]) -> Iterator[Problem]:
    for name in unit.requires:
        if name not in by_name:
            what = f"{unit.name} requires {name}, which does not exist"
            yield Problem(unit.where, what, _nearest(name, by_name))
        elif by_name[name].when is not unit.when:
            what = f"{unit.name} ({unit.when}) requires {name} ({by_name[name].when})"
            yield Problem(unit.where, what, "a unit of the boot and a stop hook cannot wait so")


def _nearest(name: str, known: Collection[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - 2 ms that only a misspelling need pay

    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"


def _cycle_problem(cycle: Sequence[str], by_name: Mapping[str, Unit]) -> Problem:
    path = " -> ".join([*cycle, cycle[0]])
    return Problem(by_name[cycle[0]].where, f"a cycle: {path}", "remove one `requires` of it")


def _cycles(stuck: Mapping[str, Unit]) -> Iterator[list[str]]:
    """Yield one cycle for each knot among the units that cannot start."""
    done: set[str] = set()
    for start in stuck:
        path: list[str] = []
        place: dict[str, int] = {}
        name: str | None = start
        while name is not None and name not in done and name not in place:
            place[name] = len(path)
            path.append(name)
            name = next((each for each in stuck[name].requires if each in stuck), None)
        if name is not None and name in place:
            yield path[place[name] :]
        done.update(path)
