"""Numbers as a person reads them. Imports nothing of ours."""

UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
MINUTE, HOUR, DAY = 60, 3600, 86400
TENTHS_BELOW = 10


def amount(size: float) -> str:
    """Return a number of bytes such as 1.5 GiB."""
    for unit, name in UNITS:
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size:.0f} bytes"


def duration(seconds: float) -> str:
    """Return seconds such as 3.2 s, 45 s, 12 min, 3 h 5 min, 2 d 4 h."""
    if seconds < TENTHS_BELOW:
        return f"{seconds:.1f} s"
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE:.0f} min"
    if seconds < DAY:
        return f"{seconds // HOUR:.0f} h {seconds % HOUR // MINUTE:.0f} min"
    return f"{seconds // DAY:.0f} d {seconds % DAY // HOUR:.0f} h"


def count(number: int, noun: str) -> str:
    """Return such as 1 problem, 2 problems."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def one_line(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())
