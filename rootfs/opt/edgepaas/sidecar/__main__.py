"""The sidecar: metrics, probes and the boot report on the management port."""

import logging
import signal
import sys
from pathlib import Path

from boot import logline, notifier, quick_exit
from boot.exit_status import ExitStatus
from sidecar.handler import Handler
from sidecar.routes import Routes
from sidecar.server import CannotListenError, ManagementServer
from sidecar.settings import Settings

PROGRAM = "metrics"
ADDRESS = "management"

log = logging.getLogger(__name__)


def main() -> ExitStatus:
    """Serve until SIGTERM; return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logline.configure(PROGRAM)
    told = notifier.take()
    try:
        settings = Settings()
        host, port = settings.listen_address()
        with ManagementServer((host, port), Handler, routes=Routes(settings)) as server:
            leave_address(settings.run_dir / ADDRESS, host, port)
            log.info("listening on %s port %d", host, port)
            told.send("READY=1", f"STATUS=listening on {host} port {port}")
            server.serve_forever()
    except CannotListenError as problem:
        log.error("%s", problem)  # noqa: TRY400 (a user's mistake needs no traceback)
        return ExitStatus.CONFIG
    except KeyboardInterrupt:
        pass
    return ExitStatus.OK


def leave_address(path: Path, host: str, port: int) -> None:
    """Tell the health check where we listen, whatever env-check says later."""
    try:
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(f"{host} {port}\n", encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        log.warning("the health check will not find us: %s cannot be written: %s", path, error)


if __name__ == "__main__":
    sys.exit(quick_exit.expect(main()))
