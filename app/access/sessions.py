"""The session of a browser: a cookie that proves a token was shown, and holds none.

It is signed with a key made from that token, so every worker and every container with the same
tokens knows it, nothing is stored, and it ends when the token is taken away.
"""

import hashlib
import hmac
import time
from collections.abc import Callable

from app.access.tokens import Token, Tokens

COOKIE = "edgepaas_session"
SECONDS = 7 * 24 * 3600
VALUE_MOST = 128


class Sessions:
    """Makes and checks the cookie's value: name of the token, end in Unix seconds, signature."""

    def __init__(self, tokens: Tokens, clock: Callable[[], float] = time.time) -> None:
        self._tokens = tokens
        self._clock = clock

    def begin(self, token: Token) -> str:
        """Return the value of a new session's cookie."""
        end = str(int(self._clock()) + SECONDS)
        return f"{token.session_name}.{end}.{_signature(token, end)}"

    def find(self, value: str) -> Token | None:
        """Return the token behind a cookie's value; None where it is not ours or over."""
        name, _, rest = value[:VALUE_MOST].partition(".")
        end, _, signature = rest.partition(".")
        token = self._tokens.named(name)
        if token is None or not (end.isascii() and end.isdecimal()) or int(end) <= self._clock():
            return None
        genuine = hmac.compare_digest(_signature(token, end).encode(), signature.encode())
        return token if genuine else None


def cookie(header: bytes) -> str:
    """Return our cookie's value in a Cookie header, "" where it is not there."""
    for part in header.decode("latin-1").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def _signature(token: Token, end: str) -> str:
    return hashlib.blake2b(end.encode(), key=token.session_key, digest_size=32).hexdigest()
