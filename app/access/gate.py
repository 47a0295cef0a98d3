"""The gate: who shows what, and whether it is good. It knows nothing of HTTP but two headers."""

import logging
from typing import NoReturn

from app.access.attempts import ALLOWED, Attempts
from app.access.sessions import Sessions, cookie
from app.access.tokens import ANYBODY, Actor, Token, Tokens, digest
from app.sre.metrics import WRONG_TOKENS

log = logging.getLogger(__name__)


class WrongTokenError(Exception):
    """The token is none of ours."""


class TooManyError(Exception):
    """Too many wrong tokens came from this address; `seconds` is when to try again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many wrong tokens from this address; try again in {seconds} s")
        self.seconds = seconds


class Gate:
    """Knows the tokens and remembers who was wrong. Without tokens it stands open."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._attempts = Attempts()
        self.sessions = Sessions(tokens)
        self.is_open = not tokens

    def by_token(self, presented: bytes, address: str) -> Token:
        """Return the token; the work is the same for all that are wrong.

        Raises WrongTokenError or TooManyError.
        """
        if seconds := self._attempts.shut_out(address):
            raise TooManyError(seconds)
        token = self._tokens.find(presented)
        if token is None:
            self._refuse(presented, address)
        return token

    def by_cookie(self, header: bytes) -> Actor | None:
        """Return whose session a Cookie header carries."""
        token = self.sessions.find(cookie(header)) if header else None
        return token.actor if token else None

    def anybody(self) -> Actor | None:
        """Return who one is without any proof: nobody, unless the gate is open."""
        return ANYBODY if self.is_open else None

    def _refuse(self, presented: bytes, address: str) -> NoReturn:
        WRONG_TOKENS.inc()
        failures, seconds = self._attempts.note(address, digest(presented))
        if failures == 1:
            log.warning("a wrong token from %s", address)
        elif failures == ALLOWED + 1:
            log.warning("more than %d wrong tokens from %s within a minute", ALLOWED, address)
        if seconds:
            raise TooManyError(seconds)
        raise WrongTokenError
