"""Hides secrets in text: known values, and the password of any URL. Imports nothing of ours."""

import json
import os
import re
from collections.abc import Iterable, Iterator

MASK = "***"
LEAST = 4
PART_LEAST = 8
TOKEN_LEAST = 16
PASSWORD_PARAMETERS = frozenset({"password", "sslpassword"})
DATABASES = ("postgres", "sqlite")
WEAK = frozenset({"password", "postgres", "postgresql", "edgepaas"})
# The password may hold an unencoded @, so it ends at the last one before the host. No scheme
# before "://": looking for its beginning would take quadratic time in a long word.
URL_PASSWORD = re.compile(r"(://[^\s:/?#@\"'<>]*):([^\s/?#\"'<>]*)@")
PARAMETER = re.compile(r"\b((?:ssl)?password=)('[^']*'|[^\s&;\"']+)", re.IGNORECASE)
# Without limits to what the password may hold: for a value known to be a URL.
WHOLE_URL = re.compile(r"[^:/]*://(?P<user>[^:/@]*):(?P<password>.*)@(?P<rest>.*)", re.DOTALL)


def mask_urls(text: str) -> str:
    """Return `text` with the password of every URL, and of `password=…`, masked."""
    if "://" in text and "@" in text:
        text = URL_PASSWORD.sub(rf"\1:{MASK}@", text)
    if "assword=" in text or "ASSWORD=" in text:
        text = PARAMETER.sub(rf"\1{MASK}", text)
    return text


class Redactor:
    """Masks the given secret values wherever they appear in a text.

    Of a database URL the password is the secret. One that is shorter than 4 characters, a word
    such as `postgres`, or equal to what stands openly in its own URL (user, host, database) is
    masked in URLs only: replacing it everywhere would mangle every line.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        spellings = {
            spelling
            for secret in secrets
            for needle in needles(secret)
            for spelling in spelt(needle)
            if len(spelling) >= LEAST
        }
        self._needles = sorted(spellings, key=len, reverse=True)

    def mask(self, text: str) -> str:
        """Return `text` without a secret."""
        for needle in self._needles:
            if needle in text:
                text = text.replace(needle, MASK)
        return mask_urls(text)


URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def needles(secret: str) -> Iterator[str]:
    """Yield what must not be seen of one secret value."""
    if URL.match(secret):
        yield from _url_secrets(secret)
        if not secret.startswith(DATABASES):
            yield from _service_secrets(secret)
        return
    yield secret
    for part in re.split(r"[\s,;]+", secret):
        for piece in (part, part.rpartition(":")[2]):
            if len(piece) >= PART_LEAST:
                yield piece


def _service_secrets(urls: str) -> Iterator[str]:
    """Yield what may be a token in URLs of services: these put them anywhere.

    A piece with a dot is a host, an address or a file; a short one in small letters is a word.
    """
    for url in re.split(r"[\s,]+", urls):
        rest = url.partition("://")[2]
        user, _, _ = re.split(r"[/?]", rest, maxsplit=1)[0].rpartition("@")
        password = user.partition(":")[2]
        if password and password not in WEAK:
            yield password
        if re.search(r"[/?].", rest):
            yield rest
        for piece in re.split(r"[/:@?&=#]+", rest):
            is_word = piece.isalpha() and piece.islower() and len(piece) < TOKEN_LEAST
            if len(piece) >= PART_LEAST and "." not in piece and not is_word:
                yield piece


def spelt(secret: str) -> Iterator[str]:
    """Yield the ways programs spell a secret: as it is, percent-encoded, decoded, JSON, repr."""
    from urllib.parse import quote, quote_plus, unquote  # noqa: PLC0415 - env-check needs it not

    plain = unquote(secret, errors="surrogateescape")
    raw = os.fsencode(plain)
    for form in (secret, plain, quote(raw, safe=""), quote_plus(raw, safe="")):
        yield form
        yield json.dumps(form, ensure_ascii=False)[1:-1]
        yield json.dumps(form)[1:-1]
        yield repr(form)[1:-1]


def _url_secrets(url: str) -> Iterator[str]:
    from urllib.parse import parse_qsl  # noqa: PLC0415 - env-check needs it not

    query = url.partition("?")[2]
    for name, value in parse_qsl(query):
        if name.lower() in PASSWORD_PARAMETERS:
            yield value
    match = WHOLE_URL.fullmatch(url)
    if not match:
        return
    open_words = {match["user"], *WEAK, *re.split(r"[:/?,&=]", match["rest"])}
    if match["password"] not in open_words:
        yield match["password"]
