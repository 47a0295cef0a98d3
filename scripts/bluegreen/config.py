"""The deploy's settings: one INI file, checked as a whole before anything is done."""

from __future__ import annotations

import configparser
import difflib
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from scripts.bluegreen.outcome import Outcome, Stopped
from scripts.bluegreen.slot import BLUE, GREEN, Slot
from scripts.checkout import ROOT
from scripts.service import HIGHEST_PORT

VARIABLE = "BLUE_GREEN_CONFIG"
USUAL_PLACES = (ROOT / "blue-green.ini", Path("/etc/edgepaas/blue-green.ini"))
EXAMPLE = "deploy/blue-green.ini.example"
# Every key with its default; None means that it must be set.
KEYS: dict[str, dict[str, str | None]] = {
    "service": {
        "name": "edgepaas",
        "env_file": "",
        "volumes": "",
        "network": "bridge",
        "restart": "unless-stopped",
        "options": "",
        "host": "",
        "version_path": "/version",
        "state": "/var/lib/edgepaas/blue-green",
    },
    "slots": {"blue": "8001 9471", "green": "8002 9472"},
    "proxy": {
        "kind": None,
        "url": None,
        "verify": "yes",
        "upstream": "edgepaas",
        "upstream_file": "/etc/nginx/edgepaas-upstream.conf",
        "test": "nginx -t",
        "reload": "nginx -s reload",
        "pid_file": "/run/nginx.pid",
        "socket": "/run/haproxy/admin.sock",
        "state_file": "/var/lib/haproxy/server-state",
        "hook": "",
    },
    "smoke": {"paths": "/health/ready /version", "command": "", "timeout": "60"},
    "wait": {"ready": "180", "switch": "20", "prove": "20", "proofs": "20", "drain": "30"},
    "ledger": {"url": "", "token_file": "", "service": "", "node": "", "region": "none"},
}
KINDS = ("nginx", "haproxy", "hook")


@dataclass(frozen=True)
class Service:
    """What both slots run with."""

    name: str
    env_file: Path | None
    volumes: tuple[str, ...]
    network: str
    restart: str
    options: tuple[str, ...]
    host: str
    version_path: str
    state: Path


@dataclass(frozen=True)
class Proxy:
    """The proxy in front, and how it is told."""

    kind: str
    url: str
    verify: bool
    upstream: str
    upstream_file: Path
    test: str
    reload: str
    pid_file: Path
    socket: Path
    state_file: Path
    hook: str


@dataclass(frozen=True)
class Smoke:
    """What is asked of a new slot before it is switched to; `timeout` in seconds."""

    paths: tuple[str, ...]
    command: str
    timeout: float


@dataclass(frozen=True)
class Wait:
    """How long each part may take, in seconds; `proofs` is how many answers prove a switch."""

    ready: float
    switch: float
    prove: float
    proofs: int
    drain: float


@dataclass(frozen=True)
class LedgerPlace:
    """Where deployments are recorded; an empty `url` means nowhere."""

    url: str
    token_file: Path | None
    service: str
    node: str
    region: str


@dataclass(frozen=True)
class Config:
    """All of it."""

    service: Service
    slots: Mapping[str, Slot]
    proxy: Proxy
    smoke: Smoke
    wait: Wait
    ledger: LedgerPlace


class Reader:
    """One INI file's values, and every problem met while they are read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []
        self._file = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";",))
        try:
            self._file.read_string(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, configparser.Error) as error:
            raise Stopped(f"{path} cannot be read: {error}", Outcome.CONFIG) from None
        self._check_names()

    def _check_names(self) -> None:
        for section in self._file.sections():
            if section not in KEYS:
                self.problems.append(f"[{section}] is no section{near(section, KEYS)}")
                continue
            for key in self._file[section]:
                if key not in KEYS[section]:
                    self.problems.append(f"[{section}] {key} is no key{near(key, KEYS[section])}")

    def text(self, section: str, key: str) -> str:
        """Return a value, or its default."""
        default = KEYS[section][key]
        found = self._file.get(section, key, fallback=default)
        if not found and default is None:
            self.problems.append(f"[{section}] {key} must be set")
        return (found or "").strip()

    def words(self, section: str, key: str) -> tuple[str, ...]:
        """Return the words of a value."""
        return tuple(self.text(section, key).split())

    def lines(self, section: str, key: str) -> tuple[str, ...]:
        """Return the lines of a value."""
        found = (line.strip() for line in self.text(section, key).splitlines())
        return tuple(line for line in found if line)

    def shell_words(self, section: str, key: str) -> tuple[str, ...]:
        """Return the words of a value as a shell would split it."""
        try:
            return tuple(shlex.split(self.text(section, key)))
        except ValueError as error:
            self.problems.append(f"[{section}] {key}: {error}")
            return ()

    def path_of(self, section: str, key: str) -> Path:
        """Return a path; a relative one begins at the file's folder."""
        return self.path.resolve().parent / self.text(section, key)

    def optional_path(self, section: str, key: str) -> Path | None:
        """Return a path that must be readable where it is set."""
        if not self.text(section, key):
            return None
        path = self.path_of(section, key)
        if not os.access(path, os.R_OK):
            self.problems.append(f"[{section}] {key}: {path} cannot be read")
        return path

    def seconds(self, section: str, key: str) -> float:
        """Return a positive number."""
        return self._number(section, key, float)

    def count(self, section: str, key: str) -> int:
        """Return a whole number above zero."""
        return int(self._number(section, key, int))

    def _number(self, section: str, key: str, kind: Callable[[str], float]) -> float:
        text = self.text(section, key)
        try:
            number = kind(text)
        except ValueError:
            number = 0
        if not 0 < number < float("inf"):
            self.problems.append(f"[{section}] {key} = {text}: a number above 0 is wanted")
        return number

    def slot(self, name: str) -> Slot:
        """Return a slot with its two ports."""
        text = self.text("slots", name)
        ports = [int(word) for word in text.split() if word.isdigit()]
        if len(ports) != len(text.split()) or len(ports) != 2 or not valid(ports):  # noqa: PLR2004
            self.problems.append(f"[slots] {name} = {text}: wanted are app and management port")
            return Slot(name, 0, 0)
        return Slot(name, *ports)

    def choice(self, section: str, key: str, known: tuple[str, ...]) -> str:
        """Return one of the known words."""
        found = self.text(section, key)
        if found and found not in known:
            self.problems.append(f"[{section}] {key} = {found}: wanted is {' or '.join(known)}")
        return found


def valid(ports: list[int]) -> bool:
    """Tell whether all of them are ports."""
    return all(0 < port <= HIGHEST_PORT for port in ports)


def near(word: str, known: Mapping[str, object]) -> str:
    """Return a hint at the nearest known word, where one is near."""
    found = difflib.get_close_matches(word, known, 1)
    return f"; did you mean {found[0]}?" if found else f"; there is {', '.join(known)}"


def find(given: str | None) -> Path:
    """Return the file to read; raises Stopped when there is none."""
    named = given or os.environ.get(VARIABLE)
    if named:
        return Path(named)
    for path in USUAL_PLACES:
        if path.is_file():
            return path
    raise Stopped(
        f"there is no blue-green.ini: copy {EXAMPLE} to {USUAL_PLACES[0]} or {USUAL_PLACES[1]}"
        " and set what differs (docs/blue-green.md)",
        Outcome.CONFIG,
    )


def load(path: Path) -> Config:
    """Read and check `path`; raises Stopped with every problem at once."""
    reader = Reader(path)
    config = Config(
        service=_service(reader),
        slots={name: reader.slot(name) for name in (BLUE, GREEN)},
        proxy=_proxy(reader),
        smoke=Smoke(
            reader.words("smoke", "paths"),
            reader.text("smoke", "command"),
            reader.seconds("smoke", "timeout"),
        ),
        wait=Wait(
            reader.seconds("wait", "ready"),
            reader.seconds("wait", "switch"),
            reader.seconds("wait", "prove"),
            reader.count("wait", "proofs"),
            reader.seconds("wait", "drain"),
        ),
        ledger=_ledger(reader),
    )
    ports = [
        port for slot in config.slots.values() for port in (slot.app_port, slot.management_port)
    ]
    if all(ports) and len(set(ports)) != len(ports):
        reader.problems.append("[slots] the four ports must differ")
    if reader.problems:
        listed = "\n  ".join(reader.problems)
        raise Stopped(f"{path} is wrong (docs/blue-green.md):\n  {listed}", Outcome.CONFIG)
    return config


def _service(reader: Reader) -> Service:
    return Service(
        name=reader.text("service", "name"),
        env_file=reader.optional_path("service", "env_file"),
        volumes=reader.lines("service", "volumes"),
        network=reader.text("service", "network"),
        restart=reader.text("service", "restart"),
        options=reader.shell_words("service", "options"),
        host=reader.text("service", "host"),
        version_path=reader.text("service", "version_path"),
        state=reader.path_of("service", "state"),
    )


def _proxy(reader: Reader) -> Proxy:
    kind = reader.choice("proxy", "kind", KINDS)
    hook = reader.text("proxy", "hook")
    if kind == "hook" and not hook:
        reader.problems.append("[proxy] hook must be set where kind = hook")
    url = reader.text("proxy", "url")
    if url and not url.startswith(("http://", "https://")):
        reader.problems.append(f"[proxy] url = {url}: it begins with http:// or https://")
    return Proxy(
        kind=kind,
        url=url.rstrip("/"),
        verify=reader.choice("proxy", "verify", ("yes", "no")) == "yes",
        upstream=reader.text("proxy", "upstream"),
        upstream_file=reader.path_of("proxy", "upstream_file"),
        test=reader.text("proxy", "test"),
        reload=reader.text("proxy", "reload"),
        pid_file=reader.path_of("proxy", "pid_file"),
        socket=reader.path_of("proxy", "socket"),
        state_file=reader.path_of("proxy", "state_file"),
        hook=hook,
    )


def _ledger(reader: Reader) -> LedgerPlace:
    """Return where to record; the environment of the caller goes before the file."""
    token = os.environ.get("EDGEPAAS_LEDGER_TOKEN_FILE")
    return LedgerPlace(
        url=(os.environ.get("EDGEPAAS_LEDGER_URL") or reader.text("ledger", "url")).rstrip("/"),
        token_file=Path(token) if token else reader.optional_path("ledger", "token_file"),
        service=reader.text("ledger", "service") or reader.text("service", "name"),
        node=reader.text("ledger", "node") or os.uname().nodename.lower(),
        region=reader.text("ledger", "region"),
    )
