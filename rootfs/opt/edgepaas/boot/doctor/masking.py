"""Masks secrets in what the doctor hands out, however often they were quoted on the way there."""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from boot.doctor.evidence import Evidence
from boot.redact import Redactor

# Not in the contract, so nobody said that it is a secret; its name does.
LOOKS_SECRET = re.compile(
    r"SECRET|TOKEN|PASS|PWD|KEY|CREDENTIAL|AUTH|DSN|_URL$|_URI$", re.IGNORECASE
)
SHORTEST_GUESS = 8

Mask = Callable[[str], str]


def of(evidence: Evidence) -> Mask:
    """Return what masks every secret of the container's environment and of this command's."""
    secrets = [
        *evidence.secrets(),
        *_guessed(evidence, evidence.environ),
        *_guessed(evidence, evidence.running),
    ]
    redactor = Redactor(spelling for secret in secrets for spelling in _spellings(secret))
    return lambda text: _masked(text, redactor.mask)


def _masked(text: str, mask: Mask) -> str:
    """Mask a text; of JSON each string by itself, for it may hold quoted text in its turn."""
    if text[:1] in {"{", "["}:
        try:
            return json.dumps(_each(json.loads(text), mask), indent=2) + "\n"
        except ValueError:
            pass
    return mask(text)


def _each(value: Any, mask: Mask) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        return [_each(item, mask) for item in value]
    if isinstance(value, dict):
        return {mask(key): _each(item, mask) for key, item in value.items()}
    return value


def _spellings(secret: str) -> Iterator[str]:
    """Yield a secret as it is, and as a unit file spells it in a command line."""
    quoted = shlex.quote(secret)
    yield from {secret, secret.replace("%", "%%"), quoted, quoted.replace("%", "%%")}


def _guessed(evidence: Evidence, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield values of variables that the contract does not know and whose names sound secret."""
    for name, value in environ.items():
        known = name in evidence.contract.variables
        if not known and len(value) >= SHORTEST_GUESS and LOOKS_SECRET.search(name):
            yield value
