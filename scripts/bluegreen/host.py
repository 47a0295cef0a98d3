"""All that a word works with on this host, made from the settings once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from scripts import env_file
from scripts.bluegreen import database, docker, proxy
from scripts.bluegreen.boot import Boot
from scripts.bluegreen.config import Config
from scripts.bluegreen.containers import Containers
from scripts.bluegreen.history import History
from scripts.bluegreen.image import Image
from scripts.bluegreen.ledger import Ledger
from scripts.bluegreen.lock import Lock
from scripts.bluegreen.proxy import Proxy
from scripts.bluegreen.question import Asker
from scripts.bluegreen.state import Operation, State, StateFile
from scripts.console import say

TOKEN = "EDGEPAAS_METRICS_TOKEN"  # noqa: S105 - the variable's name


@dataclass
class Host:
    """The engine, the proxy, the files; and the state as it is on disk."""

    config: Config
    containers: Containers
    proxy: Proxy
    boot: Boot
    asker: Asker
    ledger: Ledger
    lock: Lock
    history: History
    file: StateFile
    state: State

    @classmethod
    def of(cls, config: Config) -> Host:
        """Find the engine and read the state; raises Stopped."""
        folder = config.service.state
        file = StateFile(folder)
        file.prepare()
        containers = Containers(docker.find(), config.service, config.slots)
        asker = Asker(config.service.host, config.proxy.verify, _token(config.service.env_file))
        return cls(
            config,
            containers,
            proxy.of(config),
            Boot(containers, asker),
            asker,
            Ledger(config.ledger),
            Lock(folder),
            History(folder),
            file,
            file.load(),
        )

    def save(self, state: State) -> None:
        """Make `state` durable."""
        self.file.save(state)
        self.state = state

    def note(self, operation: Operation) -> Operation:
        """Record where an operation is, before that step is done; return it."""
        self.save(replace(self.state, operation=operation))
        return operation

    def close(
        self, operation: Operation, outcome: str, reason: str = "", *, live: str | None
    ) -> None:
        """Record how an operation ended."""
        self.history.append(operation, outcome, reason)
        self.save(replace(self.state, live=live, operation=None))

    def live(self) -> str | None:
        """Return the live slot as the proxy says; raises Stopped."""
        found = self.proxy.live()
        if found != self.state.live and self.state.operation is None and self.state.live:
            say(f"the memory has {self.state.live} live, but the proxy {found or 'no slot'}")
        return found

    @contextmanager
    def locked(self, word: str) -> Iterator[None]:
        """Hold the lock, with the state as it is now; raises Stopped when it is held."""
        with self.lock.held(word):
            self.state = self.file.load()
            yield

    def environment(self, image: Image) -> Mapping[str, str]:
        """Return what a container of `image` will find in its environment."""
        service = self.config.service
        return database.environment(image.env, service.env_file, service.options)


def _token(path: Path | None) -> str:
    found = env_file.read(path) if path else {}
    if found.get("EDGEPAAS_METRICS_TOKEN_FILE") and not found.get(TOKEN):
        try:
            return Path(found["EDGEPAAS_METRICS_TOKEN_FILE"]).read_text(encoding="utf-8").strip()
        except OSError:
            return ""  # a path inside the container: then the report is not shown
    return found.get(TOKEN, "")
