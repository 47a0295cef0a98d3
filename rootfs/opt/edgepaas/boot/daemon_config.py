"""What supervisord really runs with: the base file, the units, and what follows from them.

Unit files stay short; everything the sequencer must own is written here, once for all units.
"""

import math
import resource
from collections.abc import Iterable, Mapping, Sequence
from configparser import RawConfigParser
from pathlib import Path

from boot.settings import Settings
from boot.units import Kind, Unit, When

HIGHEST_FD = 256
ONESHOT_STOP_SECONDS = 5
HOOK_STOP_SECONDS = 1


def render(units: Sequence[Unit], settings: Settings) -> str:
    """Return the configuration as text. `units` come in start order; they stop in reverse."""
    parser = RawConfigParser(inline_comment_prefixes=(";", "#"), strict=False)
    parser.read(settings.base_config, encoding="utf-8")
    sections = {name: dict(parser[name]) for name in parser.sections() if name != "include"}
    for name, options in daemon_options(settings).items():
        sections.setdefault(name, {}).update(options)
    for priority, unit in enumerate(units, start=1):
        sections[f"program:{unit.name}"] = program_options(unit, priority, settings)
    here = str(settings.base_config.parent).replace("%", "%%")
    return "".join(_section(name, options, here) for name, options in sections.items())


def daemon_options(settings: Settings) -> dict[str, dict[str, str]]:
    """Return what depends on where this boot runs: paths and limits."""
    run, socket = settings.run_dir, settings.run_dir / "supervisor.sock"
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return {
        "supervisord": {
            "pidfile": str(run / "supervisord.pid"),
            "childlogdir": str(run),
            "minfds": str(min(HIGHEST_FD, most)),
        },
        "unix_http_server": {"file": str(socket)},
        "supervisorctl": {"serverurl": f"unix://{socket}"},
    }


def program_options(unit: Unit, priority: int, settings: Settings) -> dict[str, str]:
    """Return a unit's supervisord options: its own, under those the sequencer owns."""
    policy = {
        "stdout_logfile": "NONE",
        "stderr_logfile": "NONE",
        "stopwaitsecs": str(stop_seconds(unit, settings)),
        "killasgroup": "true",
    }
    owned = {
        "stdout_events_enabled": "true",
        "stderr_events_enabled": "true",
        "autostart": "false",
        "autorestart": "false",
        "startsecs": "0",
        "startretries": "0",
        "exitcodes": "0",
        "priority": str(priority),
    }
    return {**policy, **unit.program, **owned}


def stop_seconds(unit: Unit, settings: Settings) -> int:
    """Return how long a unit may take to end after TERM, within the stop budget."""
    if unit.when is When.STOP:
        return HOOK_STOP_SECONDS
    if unit.kind is Kind.LONGRUN:
        return max(1, math.ceil(settings.budget.web))
    return max(1, min(ONESHOT_STOP_SECONDS, math.floor(settings.budget.web)))


def _section(name: str, options: Mapping[str, str], here: str) -> str:
    lines = (f"{key} = {_continued(value, here)}\n" for key, value in options.items())
    return f"[{name}]\n{''.join(lines)}\n"


def _continued(value: str, here: str) -> str:
    placed = value.replace("%(here)s/..", str(Path(here).parent)).replace("%(here)s", here)
    return "\n  ".join(_lines(placed))


def _lines(value: str) -> Iterable[str]:
    return [line.strip() for line in value.splitlines()] or [""]


def write(path: Path, text: str) -> None:
    """Write the configuration, readable by its owner only. Raises OSError."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
