"""The newest events, kept in memory for everybody at once. Belongs to the event loop's thread."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from app.live.event_log import Entry, Place

WINDOW_EVENTS = 2048
WINDOW_BYTES = 8 << 20
FRAME_EVENTS = 64
FRAME_BYTES = 64 << 10


class Frame(NamedTuple):
    """One message to a client: some events in order, and where the last of them stands."""

    text: str
    last: Entry


class Behind(NamedTuple):
    """How much comes after a place."""

    events: int
    size: int


class Window:
    """All events after `floor` up to the newest; the oldest leave when they are too many."""

    def __init__(self, floor: Place, floor_id: UUID) -> None:
        self.floor = floor
        self.last, self.last_id = floor, floor_id
        self._entries: list[Entry] = []
        self._places: dict[UUID, Place] = {floor_id: floor}
        self._size = 0
        self._frames: dict[Place, Frame] = {}

    def append(self, entries: Iterable[Entry]) -> None:
        """Take up what comes after the newest."""
        for entry in entries:
            self._entries.append(entry)
            self._places[entry.id] = entry.place
            self._size += len(entry.text)
            self.last, self.last_id = entry.place, entry.id
        self._shrink()
        self._frames.clear()

    def place_of(self, event_id: UUID) -> Place | None:
        """Return where an event stands; None where it is not kept here."""
        return self._places.get(event_id)

    def behind(self, place: Place) -> Behind:
        """Return how much of what is kept comes after a place."""
        missing = self._entries[self._index(place) :]
        return Behind(len(missing), sum(len(entry.text) for entry in missing))

    def frame(self, place: Place) -> Frame | None:
        """Return what to send next to who has everything up to `place`, None if that is all.

        Clients at the same place share it. `place` must not be before `floor`.
        """
        if place >= self.last:
            return None
        if place not in self._frames:
            index = self._index(place)
            self._frames[place] = frame(self._entries[index : index + FRAME_EVENTS])
        return self._frames[place]

    def _index(self, place: Place) -> int:
        return bisect_right(self._entries, place, key=_place)

    def _shrink(self) -> None:
        gone = max(0, len(self._entries) - WINDOW_EVENTS)
        size = sum(len(entry.text) for entry in self._entries[:gone])
        while self._size - size > WINDOW_BYTES and gone < len(self._entries) - 1:
            size += len(self._entries[gone].text)
            gone += 1
        if not gone:
            return
        # The event at the floor stays known by its id: who has it has all before the window.
        for left in self._entries[: gone - 1]:
            self._places.pop(left.id, None)
        self._places = {i: place for i, place in self._places.items() if place > self.floor}
        self.floor = self._entries[gone - 1].place
        self._size -= size
        del self._entries[:gone]


def frame(entries: list[Entry]) -> Frame:
    """Return the first of `entries` as one message; it holds one at least."""
    size, number = 0, 0
    for entry in entries[:FRAME_EVENTS]:
        size += len(entry.text)
        if number and size > FRAME_BYTES:
            break
        number += 1
    told = ",".join(entry.text for entry in entries[:number])
    return Frame(f'{{"type":"events","events":[{told}]}}', entries[number - 1])


def _place(entry: Entry) -> Place:
    return entry.place
