"""Reads conf.d: every `[program:NAME]` with its `[unit:NAME]`, checked with file and line."""

import re
import shlex
import shutil
import signal
from collections.abc import Iterable, Iterator, Mapping
from configparser import Error, RawConfigParser
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, TypeVar

from boot.units import Kind, Problem, Ready, RestartBudget, Unit, When

Choice = TypeVar("Choice", bound=StrEnum)

UNIT_KEYS = frozenset(
    {
        "ahead",
        "backoff",
        "condition",
        "listen",
        "on_failure",
        "ready",
        "reload",
        "requires",
        "restarts",
        "retries",
        "timeout",
        "type",
        "watchdog",
        "when",
    }
)
OWNED_BY_SEQUENCER = {
    "autostart": "remove it: a unit starts when what it requires is done",
    "autorestart": "write `restarts = COUNT/SECONDS` in the [unit:] section instead",
    "exitcodes": "remove it: 0 is success, anything else a failure",
    "numprocs": "write one unit for each process",
    "priority": "remove it: the order follows from `requires`",
    "process_name": "remove it: the process bears the unit's name",
    "startretries": "write `retries = COUNT` in the [unit:] section instead",
    "startsecs": "write `ready = notify` or `started` in the [unit:] section instead",
    "user": "remove it: everything runs as the container's user",
}
OFF = "no"
NOT_FOR_ONESHOTS = {
    "restarts": ("a oneshot is not restarted", "write `retries = COUNT` instead"),
    "watchdog": ("a oneshot has no watchdog", "write `timeout = SECONDS` instead"),
    "reload": ("a oneshot cannot reload", "remove `reload`"),
    "listen": ("a oneshot does not listen", "remove `listen`"),
    "ahead": ("a oneshot cannot start ahead", "remove `ahead`"),
}
# https://supervisord.org/configuration.html#program-x-section-settings
EXPANSIONS = {
    "here": "",
    "program_name": "",
    "group_name": "",
    "host_node_name": "",
    "process_num": 0,
    "numprocs": 1,
}
COMMENT = re.compile(r"\s[;#]")
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
ADDRESS_AND_PORT = 2
BUDGET = re.compile(r"(\d+)\s*/\s*(\d+(?:\.\d+)?)")


class Section(NamedTuple):
    """A section header and where it stands. `title` is what its brackets hold."""

    title: str
    path: Path
    line: int

    @property
    def kind(self) -> str:
        """Return what stands before the colon."""
        return self.title.partition(":")[0]

    @property
    def name(self) -> str:
        """Return what stands after the colon."""
        return self.title.partition(":")[2]

    @property
    def where(self) -> str:
        """Return `file:line`."""
        return f"{self.path.name}:{self.line}"

    @property
    def header(self) -> str:
        """Return the header as it is written."""
        return f"[{self.title}]"


def load(conf_d: Path) -> tuple[list[Unit], list[Problem]]:
    """Return the units of every `*.conf` in `conf_d` in file order, and all that is wrong.

    Never raises for a bad file: one that is unreadable or does not parse is a problem too.
    """
    files = Files()
    for path in sorted(conf_d.glob("*.conf")):
        files.read(path)
    if not files.units and not files.problems:
        files.problems.append(Problem(str(conf_d), "holds no unit", "add a NAME.conf file to it"))
    return files.units, files.problems


class Files:
    """The units and problems gathered from file after file."""

    def __init__(self) -> None:
        self.units: list[Unit] = []
        self.problems: list[Problem] = []
        self._seen: dict[str, Section] = {}

    def read(self, path: Path) -> None:
        """Add what the file at `path` declares."""
        parser = RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
        try:
            text = path.read_text(encoding="utf-8")
            parser.read_string(text, source=path.name)
        except (OSError, UnicodeDecodeError, Error) as error:
            what = f"cannot be read ({' '.join(str(error).split())})"
            self.problems.append(Problem(path.name, what, "make it readable, in INI form"))
            return
        sections = [each for each in headers(path, text, parser) if self._is_new(each)]
        self._pair(sections, parser)

    def _is_new(self, section: Section) -> bool:
        earlier = self._seen.setdefault(section.title, section)
        if earlier is not section:
            what = f"{section.header} stands already at {earlier.where}"
            self.problems.append(Problem(section.where, what, "rename or remove one of them"))
        return earlier is section

    def _pair(self, sections: Iterable[Section], parser: RawConfigParser) -> None:
        units = {each.name: each for each in sections if each.kind == "unit"}
        programs = {each.name: each for each in sections if each.kind == "program"}
        for each in sections:
            self.problems.extend(stranger(each, units, programs))
        for name, unit in units.items():
            if name in programs:
                self.units.append(self._unit(unit, programs[name], parser))

    def _unit(self, unit: Section, program: Section, parser: RawConfigParser) -> Unit:
        options = dict(parser[program.title])
        self.problems.extend(program_problems(program, options))
        return Values(dict(parser[unit.title]), unit, self.problems).unit(options)


def headers(path: Path, text: str, parser: RawConfigParser) -> Iterator[Section]:
    """Yield every section header of a file, in order."""
    # Not splitlines(): configparser knows no other line end than this one.
    for number, line in enumerate(text.split("\n"), start=1):
        title = COMMENT.split(line)[0].strip()[1:-1]
        if line.startswith("[") and title in parser:
            yield Section(title, path, number)


def stranger(
    section: Section, units: Mapping[str, Section], programs: Mapping[str, Section]
) -> Iterator[Problem]:
    """Yield what is wrong with a section's kind, name or missing other half."""
    if section.kind not in {"program", "unit"}:
        what = f"{section.header} has no place in conf.d"
        yield Problem(section.where, what, "write [program:NAME] and [unit:NAME]")
        return
    if not NAME.fullmatch(section.name):
        what = f"{section.name!r} cannot be a unit's name"
        yield Problem(section.where, what, "use lower-case letters, digits and single hyphens")
    if section.kind == "program" and section.name not in units:
        fix = f"add [unit:{section.name}] with `type = oneshot` or `longrun` to the same file"
        yield Problem(section.where, f"{section.header} has no unit", fix)
    if section.kind == "unit" and section.name not in programs:
        fix = f"add [program:{section.name}] with `command = …` to the same file"
        yield Problem(section.where, f"{section.header} has no program", fix)


def program_problems(section: Section, options: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what is wrong with the options of a `[program:NAME]`."""
    for key in sorted(options.keys() & OWNED_BY_SEQUENCER.keys()):
        what = f"{section.header} sets {key}"
        yield Problem(section.where, what, OWNED_BY_SEQUENCER[key])
    for key, value in options.items():
        yield from expansion_problems(section, key, value)
    yield from command_problems(section, options.get("command", ""))


def expansion_problems(section: Section, key: str, value: str) -> Iterator[Problem]:
    """Yield what is wrong with the `%` in a value, which supervisord expands."""
    if "%(ENV_" in value:
        what = f"{key} expands the environment, which leaks and breaks on special characters"
        yield Problem(section.where, what, "let the program read its environment itself")
        return
    try:
        _ = value % EXPANSIONS
    except (KeyError, TypeError, ValueError):
        what = f"{key} holds a % that supervisord cannot expand"
        yield Problem(section.where, what, "write %% for a % itself")


def command_problems(section: Section, command: str) -> Iterator[Problem]:
    """Yield what is wrong with a command: empty, unbalanced quotes, no such program."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        yield Problem(section.where, f"command does not parse ({error})", "balance its quotes")
        return
    if not words:
        yield Problem(section.where, f"{section.header} has no command", "write `command = …`")
    elif "%(" not in words[0] and not shutil.which(words[0]):
        what = f"the program {words[0]!r} is not there or not executable"
        yield Problem(section.where, what, "write its full path, or install it into the image")


class Values:
    """The keys of one `[unit:NAME]`, read one by one; what is wrong goes to `problems`."""

    def __init__(
        self, values: Mapping[str, str], section: Section, problems: list[Problem]
    ) -> None:
        self.values = values
        self.section = section
        self.problems = problems

    def unit(self, program: Mapping[str, str]) -> Unit:
        """Return the declared unit; a wrong value is replaced by its default."""
        for key in sorted(self.values.keys() - UNIT_KEYS):
            self._wrong(f"{key} is not a key of a unit", f"use {', '.join(sorted(UNIT_KEYS))}")
        if "type" not in self.values:
            self._wrong("it has no type", "write `type = oneshot` or `longrun`")
        kind = self._choice("type", Kind.ONESHOT)
        unit = Unit(
            name=self.section.name,
            kind=kind,
            requires=tuple(
                dict.fromkeys(self.values.get("requires", "").replace(",", " ").split())
            ),
            timeout=self._seconds("timeout", Unit.timeout),
            ready=self._choice("ready", Ready.EXIT if kind is Kind.ONESHOT else Ready.STARTED),
            on_failure=self._choice("on_failure", Unit.on_failure),
            restarts=self._budget(Unit.restarts),
            retries=self._count("retries", Unit.retries),
            backoff=self._seconds("backoff", Unit.backoff),
            watchdog=self._seconds("watchdog", Unit.watchdog),
            when=self._choice("when", Unit.when),
            condition=self._condition(),
            reload=self._reload(),
            listen=self._listen(),
            ahead=self._flag("ahead"),
            program=program,
            where=self.section.where,
        )
        self._fit(unit)
        return unit

    def _flag(self, key: str) -> bool:
        value = self.values.get(key, OFF)
        if value not in {"yes", OFF}:
            self._wrong(f"{key} = {value!r}", f"write `{key} = yes` or `no`")
        return value == "yes"

    def _condition(self) -> str:
        name = self.values.get("condition", "")
        if name and not VARIABLE.fullmatch(name):
            self._wrong(f"condition = {name!r}", "write the name of a variable, in capitals")
        return name

    def _reload(self) -> str:
        name = self.values.get("reload", "").removeprefix("SIG")
        if name and f"SIG{name}" not in signal.Signals.__members__:
            self._wrong(f"reload = {name!r}", "write a signal's name, such as `reload = HUP`")
            return ""
        return name

    def _listen(self) -> tuple[str, ...]:
        names = tuple(self.values.get("listen", "").split())
        if names and (len(names) != ADDRESS_AND_PORT or not all(map(VARIABLE.fullmatch, names))):
            self._wrong(
                f"listen = {self.values['listen']!r}",
                "write the variables of the address and the port: `listen = EDGEPAAS_BIND PORT`",
            )
            return ()
        return names

    def _fit(self, unit: Unit) -> None:
        oneshot = unit.kind is Kind.ONESHOT
        if oneshot is not (unit.ready is Ready.EXIT):
            fix = "write `ready = exit`" if oneshot else "write `ready = notify` or `started`"
            self._wrong(f"a {unit.kind} cannot be ready by {unit.ready}", fix)
        for key, (what, fix) in NOT_FOR_ONESHOTS.items():
            if oneshot and self.values.get(key, OFF) not in {OFF, "0", ""}:
                self._wrong(what, fix)
        if not oneshot and "retries" in self.values:
            self._wrong("a longrun is not retried", "write `restarts = COUNT/SECONDS` instead")
        if unit.ahead and unit.condition:
            self._wrong("ahead with a condition", "remove one of the two")
        if not unit.timeout:
            self._wrong("timeout = 0 leaves it no time", "write seconds, such as `timeout = 30`")
        if not oneshot and unit.when is When.STOP:
            self._wrong("a longrun cannot be a stop hook", "write `type = oneshot`")

    def _wrong(self, what: str, fix: str) -> None:
        self.problems.append(Problem(self.section.where, f"{self.section.header}: {what}", fix))

    def _choice(self, key: str, default: Choice) -> Choice:
        kind = type(default)
        try:
            return kind(self.values.get(key, default))
        except ValueError:
            options = " or ".join(each.value for each in kind)
            self._wrong(f"{key} = {self.values[key]!r}", f"write `{key} = ` {options}")
            return default

    def _seconds(self, key: str, default: float) -> float:
        try:
            value = float(self.values.get(key, default))
        except ValueError:
            value = -1.0
        if 0 <= value < float("inf"):
            return value
        self._wrong(f"{key} = {self.values[key]!r}", f"write seconds, such as `{key} = 30`")
        return default

    def _count(self, key: str, default: int) -> int:
        value = self.values.get(key, str(default))
        if value.isdecimal():
            return int(value)
        self._wrong(f"{key} = {value!r}", f"write a whole number, such as `{key} = 3`")
        return default

    def _budget(self, default: RestartBudget) -> RestartBudget:
        value = self.values.get("restarts")
        if value is None:
            return default
        if match := BUDGET.fullmatch(value):
            return RestartBudget(int(match[1]), float(match[2]))
        self._wrong(f"restarts = {value!r}", "write COUNT/SECONDS, such as `restarts = 5/60`")
        return default
