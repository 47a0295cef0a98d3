"""The sidecar's settings, read leniently: it runs before env-check has looked at them."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from boot import contract

WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 (compared with)


class Settings:
    """Where to listen, where the app listens, where PID 1 leaves its files.

    A value comes from the container environment once env-check has written it, before that from
    the process's own; one that is missing or wrong counts as its default in environment.toml.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self.environ = environ
        self.contract = contract.load(Path(environ.get("EDGEPAAS_ROOT") or "/"), environ)
        self.run_dir = Path(self.contract.lenient(environ, "EDGEPAAS_RUN_DIR"))

    def value(self, name: str) -> str:
        """Return the value of a variable as it is now."""
        try:
            decided = (self.run_dir / "env" / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return self.contract.lenient(self.environ, name)
        return self.contract.lenient({name: decided}, name)

    def token(self) -> str | None:
        """Return the bearer token for what is not a probe; None where there is none.

        A token that is set but wrong, such as a file that cannot be read, lets nobody in.
        """
        name = "EDGEPAAS_METRICS_TOKEN"
        given = self.environ.get(name) or self.environ.get(f"{name}_FILE")
        return self.value(name) or (secrets.token_hex() if given else None)

    def listen_address(self) -> tuple[str, int]:
        """Return the address of the management server."""
        return self.value("EDGEPAAS_METRICS_BIND"), int(self.value("EDGEPAAS_METRICS_PORT"))

    def app_address(self) -> tuple[str, int]:
        """Return where this host reaches the app."""
        bind = self.value("EDGEPAAS_BIND")
        return WILDCARDS.get(bind, bind), int(self.value("PORT"))
