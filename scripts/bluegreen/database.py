"""Whether both slots may run at once: not with SQLite, whose one file is for one container."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scripts import env_file

ADVICE = (
    "this image would run with embedded SQLite, and one file cannot be served by two containers at"
    " once: the new slot would be refused (status 75).\n"
    "  Set DATABASE_URL to a PostgreSQL in the env file, and a deploy has no gap; or accept a gap"
    " of some seconds:\n"
    "    python3 -m scripts.blue_green deploy --stop-start IMAGE"
)


def environment(
    image: Mapping[str, str], file: Path | None, options: tuple[str, ...]
) -> dict[str, str]:
    """Return what a container will find: the image's, then the env file's, then the options'."""
    found = {**image, **(env_file.read(file) if file else {})}
    words = iter(options)
    for word in words:
        name, has_value, value = word.partition("=")
        if name not in {"--env", "-e"}:
            continue
        variable, _, found_value = (value if has_value else next(words, "")).partition("=")
        found[variable] = found_value
    return found


def is_embedded(env: Mapping[str, str]) -> bool:
    """Tell whether a container with this environment serves from a SQLite file."""
    mode, url = env.get("EDGEPAAS_DB_MODE", ""), env.get("DATABASE_URL", "")
    if mode == "sqlite" or url.startswith("sqlite"):
        return True
    return mode != "postgres" and not url and not env.get("DATABASE_URL_FILE")
