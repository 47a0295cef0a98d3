"""An answer whose head goes out with its body: one write and one packet instead of two.

As ASGI has it: a server does not send the head before the first of the body has come. Where that
takes longer than a turn of the event loop, the head goes out alone, as uvicorn does it, so that
a client of a stream is not kept waiting for it. Imports nothing of ours.
"""

import asyncio
from collections.abc import Callable
from functools import lru_cache
from itertools import chain
from typing import Any

from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

LINES = 256  # remembered in each process: the same dozen goes out with each answer
NO_BODY = frozenset({204, 304})
START = "http.response.start"
BODY = "http.response.body"


class Answer(RequestResponseCycle):
    """A request and its answer. Whatever is not a whole answer of known length, uvicorn sends.

    Until the head goes out nothing has begun: an app that fails before that is answered 500, and
    a worker that begins to leave can still say `Connection: close`.
    """

    _head: list[bytes] | None = None
    _says_close = False
    _alone: asyncio.Handle | None = None

    async def send(self, message: Any) -> None:
        """Take a message of the app. Raises RuntimeError where it is none that may come now."""
        if self._head is None:
            if self.response_started or self.disconnected or message["type"] != START:
                await super().send(message)
            else:
                self._hold(message)
        elif self._is_whole(message):
            self._send_whole(message.get("body", b""))
        else:
            self.send_head()
            await super().send(message)

    async def send_500_response(self) -> None:
        """Answer for an app that could not, in place of what it began."""
        if self._head is not None:
            self._taken()
        self.response_started = self._says_close = False
        self.chunked_encoding = None
        self.expected_content_length = 0
        await super().send_500_response()

    def send_head(self) -> None:
        """Send the head, if it is held, without waiting for more."""
        if self._head is not None:
            head = self._taken()
            if not self.disconnected:
                self.transport.write(head)

    def _hold(self, message: Any) -> None:
        status = message["status"]
        head = [STATUS_LINE[status]]
        for name, value in chain(self.default_headers, message.get("headers", ())):
            text, note = line(name, value)
            head.append(text)
            if note is not None:
                note(self, value)
        if (
            self.chunked_encoding is None
            and self.scope["method"] != "HEAD"
            and status not in NO_BODY
        ):
            self.chunked_encoding = True
            head.append(b"transfer-encoding: chunked\r\n")
        self.waiting_for_100_continue = False
        self._head = head
        self._alone = asyncio.get_running_loop().call_soon(self.send_head)

    def note_length(self, value: bytes) -> None:
        """Note a header of that name."""
        if self.chunked_encoding is None:
            self.expected_content_length = int(value)
            self.chunked_encoding = False

    def note_encoding(self, value: bytes) -> None:
        """Note a header of that name."""
        if value.lower() == b"chunked":
            self.expected_content_length = 0
            self.chunked_encoding = True

    def note_connection(self, value: bytes) -> None:
        """Note a header of that name."""
        if b"close" in [token.strip() for token in value.lower().split(b",")]:
            self.keep_alive = False
            self._says_close = True

    def _is_whole(self, message: Any) -> bool:
        """Tell whether a message is all of the body, as long as the head says."""
        return (
            message["type"] == BODY
            and not message.get("more_body", False)
            and not self.chunked_encoding
            and self.scope["method"] != "HEAD"
            and len(message.get("body", b"")) == self.expected_content_length
            and not self.disconnected
            and not self.flow.write_paused
        )

    def _send_whole(self, body: bytes) -> None:
        self.transport.writelines((self._taken(), body))
        self.expected_content_length = 0
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    def _taken(self) -> bytes:
        """Return the head, which is held no longer."""
        head, self._head = self._head or [], None
        if self._alone is not None:
            self._alone.cancel()
            self._alone = None  # it has us, and we had it
        self.response_started = True
        if not (self.keep_alive or self._says_close):
            head.append(b"connection: close\r\n")
        head.append(b"\r\n")
        return b"".join(head)


Note = Callable[[Answer, bytes], None]
NOTES: dict[bytes, Note] = {
    b"content-length": Answer.note_length,
    b"transfer-encoding": Answer.note_encoding,
    b"connection": Answer.note_connection,
}


@lru_cache(LINES)
def line(name: bytes, value: bytes) -> tuple[bytes, Note | None]:
    """Return the line of a header, and what an answer has to note of it, if anything.

    Raises RuntimeError where it would smuggle another header into the answer.
    """
    if HEADER_RE.search(name):
        raise RuntimeError("Invalid HTTP header name.")
    if HEADER_VALUE_RE.search(value):
        raise RuntimeError("Invalid HTTP header value.")
    small = name.lower()
    return b"%b: %b\r\n" % (small, value), NOTES.get(small)


def use() -> None:
    """Have uvicorn answer so, from now on in this process."""
    setattr(httptools_impl, "RequestResponseCycle", Answer)  # noqa: B010 (in place of its own)
