"""alerts: watches the container, and tells those whom EDGEPAAS_ALERT_URLS names."""

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from boot.alerts.memory import FILE, Memory
from boot.alerts.outbox import Outbox
from boot.alerts.watch import Limits, Seen, Watch
from boot.doctor import inquiry
from boot.exit_status import ExitStatus
from boot.logline import configure
from boot.report import State

PROGRAM = "alerts"
TICK_SECONDS = 1.0
LOOK_SECONDS = 2.0
ASK_SECONDS = 3.0
OK = 200
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 (compared with)

log = logging.getLogger(PROGRAM)


class Container:
    """What of the container can be seen from inside, in the environment that env-check wrote."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        bind = environ["EDGEPAAS_METRICS_BIND"]
        self.address = ANYWHERE.get(bind, bind), int(environ["EDGEPAAS_METRICS_PORT"])
        self.run_dir = Path(environ["EDGEPAAS_RUN_DIR"])
        data = environ["EDGEPAAS_DATA_DIR"]
        self.directories = (data, str(self.run_dir), environ.get("TMPDIR") or "/tmp")  # noqa: S108

    def see(self) -> Seen:
        """Look at everything once."""
        report = self._report()
        ready, why = self._readiness()
        failed = [each for each in report.get("units", []) if each["state"] == State.FAILED]
        return Seen(
            phase=report.get("phase", ""),
            fallback=self._decided("EDGEPAAS_DB_FALLBACK_ACTIVE") == "1",
            reason=self._decided("EDGEPAAS_DB_REASON"),
            ready=ready,
            why=why,
            draining=(self.run_dir / "draining").exists(),
            disks={path: full for path in self.directories if (full := percent(path)) is not None},
            failed={each["name"]: each["result"] or "" for each in failed},
        )

    def _report(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            return dict(json.loads((self.run_dir / "boot.json").read_text(encoding="utf-8")))
        return {}

    def _decided(self, name: str) -> str:
        """Return what db-wait wrote; it may decide anew while we run."""
        with suppress(OSError):
            return (self.run_dir / "env" / name).read_text(encoding="utf-8", errors="replace")
        return ""

    def _readiness(self) -> tuple[bool, str]:
        try:
            reply = inquiry.get(self.address, "/readyz", ASK_SECONDS)
        except inquiry.SilenceError as error:
            return False, str(error)
        with suppress(ValueError, AttributeError):
            return reply.status == OK, str(json.loads(reply.body).get("reason") or "")
        return reply.status == OK, ""


def percent(path: str) -> float | None:
    """Return how full the filesystem of a directory is, by bytes or by inodes; None for no idea."""
    try:
        disk = os.statvfs(path)
    except OSError:
        return None
    ours = disk.f_blocks - disk.f_bfree + disk.f_bavail
    used = 1 - disk.f_bavail / ours if ours else 0.0
    nodes = 1 - disk.f_favail / disk.f_files if disk.f_files else 0.0
    return 100 * max(used, nodes)


def run(container: Container, watch: Watch, outbox: Outbox) -> None:
    """Watch and send until interrupted."""
    next_look = 0.0
    while True:
        now = time.monotonic()
        if now >= next_look:
            next_look = now + LOOK_SECONDS
            for alert in watch.look(container.see(), now):
                outbox.put(alert)
        outbox.pump()
        time.sleep(TICK_SECONDS)


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Watch until SIGTERM; return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    configure(PROGRAM)
    memory = Memory(
        Path(environ["EDGEPAAS_DATA_DIR"]) / FILE, float(environ["EDGEPAAS_ALERT_COOLDOWN"])
    )
    limits = Limits(
        unready=float(environ["EDGEPAAS_ALERT_UNREADY_AFTER"]),
        disk=float(environ["EDGEPAAS_ALERT_DISK_PERCENT"]),
    )
    outbox = Outbox(environ["EDGEPAAS_ALERT_URLS"].split(","))
    log.info("alerts go to %d places", len(outbox.urls))
    try:
        run(Container(environ), Watch(limits, memory), outbox)
    except KeyboardInterrupt:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    finally:
        outbox.close()
    return ExitStatus.OK


if __name__ == "__main__":
    sys.exit(main())
