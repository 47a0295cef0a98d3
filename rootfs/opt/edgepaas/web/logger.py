"""gunicorn's and uvicorn's log lines in the container's form."""

import logging
from typing import Any

from gunicorn import glogging
from gunicorn.arbiter import Arbiter

from boot import logline

PROGRAM = "web"
START_FAILED = {Arbiter.WORKER_BOOT_ERROR, Arbiter.APP_LOAD_ERROR}
TOLD_BY_WORKER = {"Worker failed to boot.", "App failed to load."}


class Logger(glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's logger, whose lines go where all lines go."""

    def setup(self, cfg: Any) -> None:
        """Set levels and handlers; called again on SIGHUP."""
        super().setup(cfg)
        logline.configure(PROGRAM)
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True

    def error(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log an error; what only repeats that a worker failed, which that worker told, as INFO.

        The last error is what PID 1 gives as the cause.
        """
        log = self.info if is_epilogue(msg, args) else super().error
        log(msg, *args, **kwargs)


def is_epilogue(msg: str, args: tuple[Any, ...]) -> bool:
    """Tell whether gunicorn's arbiter logs what follows from a worker's failure to start."""
    if msg.startswith("Worker (pid:") and len(args) > 1:
        return args[1] in START_FAILED
    return msg.startswith("Shutting down:") or (
        msg.startswith("Reason:") and bool(args) and args[0] in TOLD_BY_WORKER
    )


def quiet_uvicorn() -> None:
    """Leave uvicorn's warnings and errors; its INFO lines repeat ours.

    Never less: below INFO it logs the frames of WebSockets, at INFO their URLs with the query.
    """
    logger = logging.getLogger("uvicorn.error")
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(logging.WARNING)
    logger.addFilter(is_news)


def is_news(record: logging.LogRecord) -> bool:
    """Tell whether a line of uvicorn's says more than QuietLifespan already did."""
    return record.msg != "Application startup failed. Exiting."
