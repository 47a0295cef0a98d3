"""gunicorn's worker class: uvicorn with our server, tied to the arbiter and to its slot."""

import asyncio
import faulthandler
import logging
import os
import signal
import traceback
from functools import partial
from pathlib import Path
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.errors import AppImportError
from uvicorn_worker import UvicornWorker

from boot import quick_exit
from boot.exit_status import ExitStatus
from web import access_log, answer, metric_files, parent
from web.first_failure import FirstFailure, wait_to_be_stopped
from web.forwarded import Forwarded
from web.grace import share
from web.heartbeat import Heartbeat
from web.lifespan import QuietLifespan
from web.logger import quiet_uvicorn
from web.protocol import DrainProtocol, DrainWebSocket
from web.readiness import Readiness
from web.server import DrainServer, Watcher

BEAT_SECONDS = 1.0

log = logging.getLogger(__name__)


class Worker(UvicornWorker):  # type: ignore[misc]  # uvicorn_worker has no types
    """One process that serves the app. `hooks.pre_fork` sets the attributes declared here."""

    CONFIG_KWARGS = {  # noqa: RUF012 (uvicorn_worker's name and shape)
        "loop": "uvloop",
        "http": DrainProtocol,
        "ws": DrainWebSocket,
        "access_log": False,
        "proxy_headers": False,  # Forwarded takes its place
        "server_header": False,
        "callback_notify": None,  # by wall clock; Heartbeat takes its place
    }

    slot: int
    readiness: Readiness
    first_failure: FirstFailure

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        quiet_uvicorn()
        self.orphaned = False
        self.grace = share(self.cfg.graceful_timeout)
        self.delay = float(os.environ["EDGEPAAS_DRAIN_DELAY"])

    def init_process(self) -> None:
        """Set the process up, load the app and serve it."""
        parent.die_with_parent()
        metric_files.use_slot(self.slot)
        answer.use()
        super().init_process()
        quick_exit.expect(ExitStatus.OK)  # this far only once all is served

    def init_signals(self) -> None:
        """Leave at once while starting; tell where a hung worker hung when it is aborted."""
        super().init_signals()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, lambda *_: self.leave())
        # uvicorn-worker gave SIGABRT back to the system, and enable() alone would not notice.
        faulthandler.disable()
        faulthandler.enable()

    def load_wsgi(self) -> None:
        """Import the app. Where that fails, say why once and end for good."""
        try:
            super().load_wsgi()
        except (Exception, SystemExit) as error:  # noqa: BLE001 (whatever the app raises)
            if not self.first_failure.claim():
                wait_to_be_stopped()
            self.tell_why(error)
            raise SystemExit(Arbiter.APP_LOAD_ERROR) from None

    def tell_why(self, error: BaseException) -> None:
        """Log why the app could not be imported: a traceback, unless only its name is wrong."""
        name = self.cfg.wsgi_app
        module = name.partition(":")[0]
        missing = isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(
            f"{error.name}."
        )
        if missing or isinstance(error, AppImportError):
            log.error("EDGEPAAS_APP=%s: %s; set it to module:attribute", name, error)
        else:
            what = traceback.format_exception_only(error)[-1].strip()
            log.error("the app %s could not be imported: %s", name, what, exc_info=error)

    async def _serve(self) -> None:
        self.config.app = access_log.around(self.wsgi, os.environ)
        self.config.load()
        trusted = self.config.forwarded_allow_ips
        self.config.loaded_app = Forwarded(self.config.loaded_app, trusted)
        self.config.lifespan_class = partial(QuietLifespan, first=self.first_failure.claim)
        server = DrainServer(self.config, self.grace, self.delay, self.watcher())
        heartbeat = Heartbeat(self.beats(server), min(BEAT_SECONDS, self.timeout))
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGQUIT, server.handle_exit, signal.SIGQUIT, None)
        beating = loop.create_task(heartbeat.run())
        try:
            await server.serve(sockets=[listener.sock for listener in self.sockets])
        except SystemExit:
            if not self.first_failure.claim():
                wait_to_be_stopped()
            raise
        finally:
            beating.cancel()

    def watcher(self) -> Watcher:
        """Return what the server calls as it goes."""
        drain_file = Path(os.environ["EDGEPAAS_RUN_DIR"], "draining")
        slots = self.readiness.slots
        return Watcher(
            self.serves,
            self.drains,
            self.drained,
            self.leave,
            drain_file.exists,
            partial(slots.connected, self.slot),
            partial(slots.has_its_share, self.slot),
        )

    def beats(self, server: DrainServer) -> list[Any]:
        """Return what is to be done at each heartbeat."""

        def follow_arbiter() -> None:
            if not self.orphaned and parent.is_orphan(self.ppid):
                self.orphaned = True
                log.warning("the arbiter is gone: draining")
                signal.alarm(self.cfg.graceful_timeout)
                server.handle_exit(signal.SIGTERM, None)

        feed = [self.readiness.alive] if self.readiness.notifier.watchdog else []
        return [self.notify, follow_arbiter, *feed]

    def serves(self) -> None:
        """Say that this worker serves."""
        log.info("worker %d (pid %d) serves", self.slot, self.pid)
        self.readiness.serves(self.slot)

    def drains(self) -> None:
        """Say that this worker drains."""
        log.info("worker %d (pid %d) drains", self.slot, self.pid)
        self.readiness.drains(self.slot)

    def drained(self) -> None:
        """Say that nothing was cut."""
        self.readiness.drained(self.slot)

    def leave(self) -> None:
        """End at once: nothing is being served yet."""
        self.readiness.drained(self.slot)
        os._exit(0)
