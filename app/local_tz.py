"""Times as people at the page's place read them; the API speaks UTC. Imports nothing of ours."""

import logging
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

log = logging.getLogger(__name__)


@cache
def zone(name: str) -> ZoneInfo:
    """Return the time zone `name`, or UTC (with a warning) where it is not known."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        log.warning("TZ: no time zone of this name, the page shows UTC")
        return ZoneInfo("UTC")


def local(moment: datetime, name: str) -> str:
    """Return `moment` in the time zone `name` as "2026-11-24 00:31:02 +01:00"."""
    there = moment.astimezone(zone(name))
    return f"{there:%Y-%m-%d %H:%M:%S} {there.isoformat()[-6:]}"


def clock(moment: datetime, name: str, today: datetime) -> str:
    """Return `moment` as `local` does, without the date where it is that of `today` there."""
    there = zone(name)
    shown = local(moment, name)
    same = moment.astimezone(there).date() == today.astimezone(there).date()
    return shown.partition(" ")[2] if same else shown


def now() -> datetime:
    """Return this moment in UTC."""
    return datetime.now(UTC)
