"""Bearer tokens. What is kept of one lets it be recognised, and cannot be turned back into it.

Imports nothing of ours.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable
from typing import Literal, NamedTuple

ENTRY = r"(read|write):([A-Za-z0-9._-]{1,32}:)?[A-Za-z0-9._~+/-]{16,256}={0,2}"
BETWEEN = re.compile(r"[\s,]+")
# New in each process: what a digest is cannot be known, so the time to look one up tells nothing.
KEYED = hashlib.blake2b(key=secrets.token_bytes(32), digest_size=32)

Role = Literal["read", "write"]


class TokensError(ValueError):
    """An entry is no token; the message tells its number, never its text."""


class Actor(NamedTuple):
    """Who asks, by the name an operator gave; the role where none was given."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Tell whether the actor may do what needs `role`."""
        return self.role in ("write", role)


ANYBODY = Actor("anybody", "write")


class Token(NamedTuple):
    """Whose it is, and the two values sessions are made with: a name for it and a key."""

    actor: Actor
    session_name: str
    session_key: bytes


class Tokens:
    """The tokens by keyed digest: to find one takes one hash and one look, right or wrong."""

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._by_digest: dict[bytes, Token] = {}
        self._by_session_name: dict[str, Token] = {}
        for entry in sorted(entries):  # of two roles for one token, write comes last and stays
            token, digest = _read(entry)
            self._by_digest[digest] = self._by_session_name[token.session_name] = token

    def __bool__(self) -> bool:
        return bool(self._by_digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokens) and self._by_digest == other._by_digest

    __hash__ = None  # type: ignore[assignment]  # equal by content

    def find(self, presented: bytes) -> Token | None:
        """Return the token whose text is `presented`."""
        return self._by_digest.get(digest(presented))

    def named(self, session_name: str) -> Token | None:
        """Return the token whose sessions carry this name."""
        return self._by_session_name.get(session_name)


def parse(text: str) -> Tokens:
    """Return the tokens of entries `role:token` or `role:name:token`, separated by , or space.

    Raises TokensError.
    """
    entries = [entry for entry in BETWEEN.split(text) if entry]
    for number, entry in enumerate(entries, 1):
        if not re.fullmatch(ENTRY, entry):
            raise TokensError(
                f"entry {number} of {len(entries)} is not role:token or role:name:token, with the "
                "role read or write and a token of at least 16 of A-Z a-z 0-9 ._~+/-"
            )
    return Tokens(entries)


def digest(presented: bytes) -> bytes:
    """Return the keyed digest of a text, known to this process only."""
    found = KEYED.copy()
    found.update(presented)
    return found.digest()


def _read(entry: str) -> tuple[Token, bytes]:
    role, *name, text = entry.split(":")
    actor = Actor(name[0] if name else role, "write" if role == "write" else "read")
    raw = text.encode()
    session_name = hashlib.blake2b(raw, person=b"session name", digest_size=8).hexdigest()
    session_key = hashlib.blake2b(raw, person=b"session key").digest()
    return Token(actor, session_name, session_key), digest(raw)
