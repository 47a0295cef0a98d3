"""An alert: one thing that somebody is to be told."""

import os
import socket
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from boot.redact import mask_urls

LONGEST = 4000


class Kind(StrEnum):
    """How bad it is, in the words of the library that sends it."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


class Alert(NamedTuple):
    """What happened in a few words, and what whoever is on call wants to know about it.

    `key` names the thing: the same thing is not told again within the cool-down.
    """

    key: str
    kind: Kind
    what: str
    text: str


def title(alert: Alert, environ: Mapping[str, str] = os.environ) -> str:
    """Return the subject: which container, and what."""
    return f"[edgepaas {name_of(environ)}] {alert.what}"


def body(alert: Alert, environ: Mapping[str, str] = os.environ) -> str:
    """Return the text and which container it comes from."""
    facts = {
        "host": socket.gethostname(),
        "slot": environ.get("SLOT"),
        "environment": environ.get("ENVIRONMENT"),
        "version": environ.get("EDGEPAAS_VERSION"),
        "build": environ.get("EDGEPAAS_BUILD_ID"),
        "boot": environ.get("EDGEPAAS_BOOT_ID"),
    }
    lines = [f"{name}: {fact}" for name, fact in facts.items() if fact]
    return mask_urls("\n".join([alert.text, "", *lines]))[:LONGEST]


def name_of(environ: Mapping[str, str]) -> str:
    """Return how people call this container: its host name, and its slot where it has one."""
    return " ".join(filter(None, [socket.gethostname(), environ.get("SLOT")]))
