"""The sink on real pipes and files: it never blocks, and it counts what it drops."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from boot.sink import Sink


class Pipe:
    """A pipe whose write end does not block."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.write_end, False)

    def read(self) -> bytes:
        """Return what a reader can take at once."""
        return os.read(self.read_end, 1 << 20)

    def read_bytes(self, count: int) -> None:
        """Read so many bytes, waiting for them."""
        while count > 0:
            count -= len(self.read())

    def close(self) -> None:
        for fd in (self.read_end, self.write_end):
            os.close(fd)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def test_a_line_is_written_at_once(pipe: Pipe) -> None:
    sink = Sink(pipe.write_end)
    sink.write("hällo")
    assert pipe.read() == "hällo\n".encode()
    assert not sink.pending


def test_a_lone_surrogate_is_escaped(pipe: Pipe) -> None:
    Sink(pipe.write_end).write("\udcff")
    assert pipe.read() == b"\\udcff\n"


def test_what_the_reader_does_not_take_waits_for_it(pipe: Pipe) -> None:
    sink = Sink(pipe.write_end)
    lines = [str(number) * 1000 for number in range(200)]
    for line in lines:
        sink.write(line)
    assert sink.pending
    taken = b""
    while sink.pending:
        taken += pipe.read()
        sink.flush()
    taken += pipe.read()
    assert taken.decode().split("\n")[:-1] == lines
    assert sink.dropped == 0


def test_what_finds_no_room_is_dropped_and_counted(pipe: Pipe) -> None:
    sink = Sink(pipe.write_end, room=10_000)
    for _ in range(100):
        sink.write("x" * 999)
    taken = pipe.read()
    sink.flush()
    taken += pipe.read()
    assert sink.dropped > 0
    assert taken.count(b"\n") + sink.dropped == 100


def test_lines_for_a_reader_that_is_gone_are_dropped(pipe: Pipe) -> None:
    sink = Sink(pipe.write_end)
    os.dup2(pipe.write_end, pipe.read_end)
    sink.write("line")
    assert sink.dropped == 1
    assert not sink.pending


def test_the_drain_ends_when_all_is_taken(pipe: Pipe) -> None:
    sink = Sink(pipe.write_end)
    for _ in range(200):
        sink.write("x" * 999)
    reader = threading.Thread(target=pipe.read_bytes, args=(200_000,))
    reader.start()
    sink.drain(10)
    assert not sink.pending
    reader.join()


def test_the_drain_ends_though_nobody_reads(pipe: Pipe) -> None:
    sink = Sink(pipe.write_end)
    for _ in range(200):
        sink.write("x" * 999)
    sink.drain(0.01)
    assert sink.pending


def test_a_reader_that_took_nothing_is_waited_for_only_once(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = Sink(pipe.write_end, room=10_000)
    for _ in range(100):
        sink.write("x" * 999)
    waits: list[float] = []
    monkeypatch.setattr(sink, "drain", waits.append)
    for _ in range(5):
        sink.make_room()
    assert len(waits) == 1
    pipe.read()
    sink.flush()
    assert not sink.pending


def test_a_full_disk_drops_the_line_and_no_more(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        sink = Sink(full.fileno())
        sink.write("line")
        assert sink.dropped == 1
