"""A host in memory, on which a word can be killed between any two of its acts."""

import json
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scripts.bluegreen.boot import Boot
from scripts.bluegreen.config import Config
from scripts.bluegreen.containers import Containers
from scripts.bluegreen.docker import Docker
from scripts.bluegreen.history import History
from scripts.bluegreen.host import Host
from scripts.bluegreen.ledger import Ledger
from scripts.bluegreen.lock import Lock
from scripts.bluegreen.question import Answer, Asker
from scripts.bluegreen.state import Operation, State, StateFile

PROXY = 80


class Killed(BaseException):
    """The word was killed here; whatever it still does has no effect."""


@dataclass
class Made:
    """A container of this world."""

    image: str
    labels: dict[str, str]
    running: bool = False
    restart: str = "no"
    status: int = 0


@dataclass
class World:
    """What is there. The build of an image is its name; `broken` builds end when they start."""

    config: Config
    containers: dict[str, Made] = field(default_factory=dict)
    live: str | None = None
    broken: set[str] = field(default_factory=set)
    deaf: bool = False  # a proxy that is told and does not switch
    acts: int = 0
    kill_at: int = 0
    dead: bool = False

    def act(self) -> None:
        """Die here if it is time, and have no effect ever after."""
        self.acts += 1
        if self.acts == self.kill_at:
            self.dead = True
        if self.dead:
            raise Killed

    def host(self, kill_at: int = 0) -> Host:
        """Return the host as a word finds it that begins now and is killed at an act (0: never)."""
        self.acts, self.kill_at, self.dead = 0, kill_at, False
        folder = self.config.service.state
        file = Disk(folder, self)
        containers = Containers(Engine(self), self.config.service, self.config.slots)
        asker = Questions(self)
        return Host(
            self.config,
            containers,
            Switchboard(self),
            Boot(containers, asker),
            asker,
            Ledger(self.config.ledger),
            Lock(folder),
            Diary(folder, self),
            file,
            file.load(),
        )

    def name(self, slot: str) -> str:
        return f"{self.config.service.name}-{slot}"

    def serving(self) -> Made | None:
        """Return the container that answers through the proxy now."""
        found = self.containers.get(self.name(self.live)) if self.live else None
        return found if found and found.running else None

    def running(self) -> list[str]:
        return sorted(name for name, made in self.containers.items() if made.running)


class Disk(StateFile):
    """The state file, in a world."""

    def __init__(self, folder: Path, world: World) -> None:
        super().__init__(folder)
        self.world = world

    def save(self, state: State) -> None:
        self.world.act()
        super().save(state)
        self.world.act()


class Diary(History):
    """The history, in a world."""

    def __init__(self, folder: Path, world: World) -> None:
        super().__init__(folder)
        self.world = world

    def append(self, operation: Operation, outcome: str, reason: str = "") -> None:
        self.world.act()
        super().append(operation, outcome, reason)
        self.world.act()


class Switchboard:
    """The proxy of a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def check(self) -> None:
        """Find nothing wrong."""

    def live(self) -> str | None:
        return self.world.live

    def switch(self, slot: str | None) -> None:
        self.world.act()
        if not self.world.deaf:
            self.world.live = slot
        self.world.act()

    def retire(self, slot: str) -> None:
        assert slot != self.world.live
        self.world.act()

    def plan(self, slot: str) -> list[str]:
        return [slot]


class Questions(Asker):
    """The network of a world; the metrics tell nothing, so nobody waits for them."""

    def __init__(self, world: World) -> None:
        super().__init__()
        object.__setattr__(self, "world", world)

    world: World

    def _asked(self, url: str) -> tuple[str, Made | None]:
        port = int(url.split(":")[2].split("/", maxsplit=1)[0])
        if port == PROXY:
            return self.world.live or "", self.world.serving()
        for slot in self.world.config.slots.values():
            if port in {slot.app_port, slot.management_port}:
                made = self.world.containers.get(self.world.name(slot.name))
                return slot.name, made if made and made.running else None
        return "", None

    def ask(self, url: str, seconds: float = 5.0) -> Answer:  # noqa: ARG002
        slot, made = self._asked(url)
        if made is None or url.endswith(("/metrics", "/boot")):
            return Answer(0, b"nobody")
        return Answer(200, json.dumps({"build": made.image, "slot": slot}).encode())


class Engine(Docker):
    """The docker client of a world."""

    def __init__(self, world: World) -> None:
        super().__init__("docker")
        self.world = world

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        word, *rest = arguments
        if word in {"image", "container"}:
            return self._inspect(word, rest[-1])
        if word == "logs":
            return done("its log")
        self.world.act()
        problem = getattr(self, f"_{word}")(*rest)
        self.world.act()
        return done("", problem)

    def _inspect(self, kind: str, name: str) -> "subprocess.CompletedProcess[str]":
        if kind == "image":
            env = [f"EDGEPAAS_BUILD_ID={name}", "DATABASE_URL=postgresql://127.0.0.1/d"]
            return done(json.dumps([{"Id": name, "Config": {"Env": env, "Labels": None}}]))
        made = self.world.containers.get(name)
        if made is None:
            return done("", "no such container")
        state = {"Running": made.running, "Status": "", "ExitCode": made.status}
        found: dict[str, Any] = {"Image": made.image, "State": state}
        return done(json.dumps([{**found, "Config": {"Labels": made.labels}}]))

    def _create(self, *words: str) -> str:
        options = dict(word[2:].partition("=")[::2] for word in words if word.startswith("--"))
        if options["name"] in self.world.containers:
            return "the name is in use"
        labels = dict([options["label"].split("=")])
        self.world.containers[options["name"]] = Made(words[-1], labels)
        return ""

    def _start(self, name: str) -> str:
        made = self.world.containers[name]
        made.running = made.image not in self.world.broken
        made.status = 78
        return ""

    def _stop(self, name: str) -> str:
        made = self.world.containers[name]
        made.running, made.status = False, 0
        return ""

    def _rename(self, old: str, new: str) -> str:
        if new in self.world.containers:
            return "the name is in use"
        self.world.containers[new] = self.world.containers.pop(old)
        return ""

    def _rm(self, _force: str, name: str) -> str:
        del self.world.containers[name]
        return ""

    def _update(self, policy: str, name: str) -> str:
        made = self.world.containers[name]
        made.restart = policy.partition("=")[2]
        return ""


def done(text: str, problem: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.CompletedProcess([], 1 if problem else 0, text, problem)


def quick(config: Config) -> Config:
    """Return settings with which nobody waits."""
    return replace(
        config, wait=replace(config.wait, ready=0.2, switch=0.001, prove=0.001, proofs=2)
    )
