"""What stands in a worker's metrics file, in the form prometheus_client writes it.

The library's own reader parses every name anew and fails as a whole; this one remembers them,
for a scrape must be quick, and says which file is bad. Imports nothing of ours.
"""

import json
import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

NUMBER = struct.Struct("i")
VALUE = struct.Struct("dd")
FIRST = 8
NAMES_REMEMBERED = 50_000
KINDS = {"counter", "gauge", "histogram", "summary"}
TRIES = 2


class BadFileError(Exception):
    """The file holds no metrics that we understand."""


class Name(NamedTuple):
    """What a sample is called; `bound` is its bucket's, `others` are the labels beside it."""

    family: str
    sample: str
    labels: dict[str, str]
    meaning: str
    bound: float | None
    others: tuple[tuple[str, str], ...]


class Entry(NamedTuple):
    """A sample of one worker; `raw` is its name as it stands in the file, the same in all."""

    raw: bytes
    name: Name
    value: float
    time: float


class WorkerFile(NamedTuple):
    """A file's samples; `mode` says how gauges of several workers become one."""

    kind: str
    mode: str
    slot: str
    entries: list[Entry]


def read(path: Path) -> WorkerFile:
    """Return what a file holds, read again if a worker was just writing it.

    Raises BadFileError, OSError.
    """
    kind, *mode = path.stem.split("_")
    slot = mode.pop() if mode else ""
    if kind not in KINDS or not slot or (kind == "gauge") != bool(mode):
        raise BadFileError(path.name)
    for remaining in reversed(range(TRIES)):
        try:
            return WorkerFile(kind, "".join(mode), slot, list(entries(path.read_bytes())))
        except (struct.error, ValueError, TypeError, AttributeError) as error:
            if not remaining:
                raise BadFileError(path.name) from error
    raise AssertionError("unreachable")


def entries(data: bytes) -> Iterator[Entry]:
    """Yield the samples. Raises ValueError, struct.error, TypeError, AttributeError."""
    (used,) = NUMBER.unpack_from(data)
    if not 0 <= used <= len(data):
        raise ValueError("cut short")
    place = FIRST
    while place < used:
        (length,) = NUMBER.unpack_from(data, place)
        start = place + NUMBER.size
        end = start + length
        place = end + 8 - (end - FIRST) % 8
        if length <= 0 or place + VALUE.size > used:
            raise ValueError("an entry leads out of the file")
        raw = data[start:end]
        yield Entry(raw, name_of(raw), *VALUE.unpack_from(data, place))
        place += VALUE.size


@lru_cache(maxsize=NAMES_REMEMBERED)
def name_of(raw: bytes) -> Name:
    """Return a name that the library wrote. Raises ValueError, TypeError, AttributeError."""
    family, sample, labels, meaning = json.loads(raw)
    if not all(isinstance(each, str) for each in (family, sample, meaning)):
        raise TypeError("names are text")
    others = tuple((name, value) for name, value in labels.items() if name != "le")
    bound = float(labels["le"]) if "le" in labels else None
    return Name(family, sample, labels, meaning, bound, others)
