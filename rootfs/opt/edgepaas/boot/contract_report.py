"""The one report of every problem: a block for people, a line per problem for machines."""

from collections.abc import Iterator, Sequence

from boot.contract_problem import DOCS, Problem
from boot.logline import render

PROGRAM = "env-check"
NAMED_MOST = 12


def summary(problems: Sequence[Problem]) -> str:
    """Return what is wrong in one line, naming the variables."""
    names = list(dict.fromkeys(problem.variable for problem in problems))
    more = f" and {len(names) - NAMED_MOST} more" if len(names) > NAMED_MOST else ""
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return f"{count} with the environment: {', '.join(names[:NAMED_MOST])}{more}"


def block(problems: Sequence[Problem]) -> str:
    """Return the report as one screen of text."""
    lines = [summary(problems)]
    for problem in problems:
        lines.append(f"{problem.variable} {problem.what}")
        lines.append(f"    set   {problem.fix}")
        lines.append(f"    read  {problem.see}")
    return "\n".join(lines)


def log_lines(problems: Sequence[Problem], form: str) -> Iterator[str]:
    """Yield the report as finished log lines; the summary is the last error of either form."""
    if form == "text":
        yield render("ERROR", PROGRAM, block(problems), form=form)
        return
    for problem in problems:
        message = f"{problem.variable} {problem.what}"
        fields = {"variable": problem.variable, "set": problem.fix, "see": problem.see}
        yield render("ERROR", PROGRAM, message, fields, form=form)
    count = {"problems": len(problems), "see": DOCS}
    yield render("ERROR", PROGRAM, summary(problems), count, form=form)
