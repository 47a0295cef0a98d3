"""Exemplars of one worker: a file of records that web writes and the sidecar reads.

A record is overwritten while it may be read: its checksum tells a torn one. Imports nothing of
ours.
"""

import json
import os
import struct
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PATTERN = "exemplars_*"
HEAD = struct.Struct("<IH")  # checksum and length of the JSON that follows
RECORD_BYTES = 512
MOST_RECORDS = 512
RENEW_SECONDS = 1.0


class Exemplar(NamedTuple):
    """A sample, by its name and labels, and one observation that it counted."""

    name: str
    labels: dict[str, str]
    exemplar: dict[str, str]
    value: float
    time: float


class Writer:
    """Keeps the newest exemplar of each of at most 512 samples, renewed at most once a second."""

    def __init__(self, path: Path) -> None:
        """Begin anew. Raises OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o640)
        self._places: dict[str, int] = {}
        self._renew: dict[str, float] = {}

    def put(self, key: str, exemplar: Exemplar) -> None:
        """Keep an exemplar, unless that of the same `key` is new or there are too many.

        Raises OSError where the disk is full.
        """
        now = time.monotonic()
        if now < self._renew.get(key, 0.0):
            return
        place = self._places.get(key, len(self._places))
        text = json.dumps(exemplar).encode()
        if place >= MOST_RECORDS or HEAD.size + len(text) > RECORD_BYTES:
            return
        record = HEAD.pack(zlib.crc32(text), len(text)) + text
        os.pwrite(self._file, record.ljust(RECORD_BYTES, b"\0"), place * RECORD_BYTES)
        self._places[key] = place
        self._renew[key] = now + RENEW_SECONDS


def read(directory: Path) -> Iterator[Exemplar]:
    """Yield the exemplars of all workers; what cannot be read is passed over."""
    for path in directory.glob(PATTERN):
        with suppress(OSError):
            content = path.read_bytes()
            for start in range(0, len(content), RECORD_BYTES):
                with suppress(ValueError, TypeError, struct.error):
                    yield _parsed(content[start : start + RECORD_BYTES])


def key(name: str, labels: Mapping[str, str]) -> tuple[str, frozenset[tuple[str, str]]]:
    """Return what identifies a sample."""
    return name, frozenset(labels.items())


def _parsed(record: bytes) -> Exemplar:
    checksum, length = HEAD.unpack_from(record)
    text = record[HEAD.size : HEAD.size + length]
    if not text or zlib.crc32(text) != checksum:
        raise ValueError("torn")
    return Exemplar(*json.loads(text))
