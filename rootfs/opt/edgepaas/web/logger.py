"""gunicorn's and uvicorn's log lines in the container's form."""

import logging
from typing import Any

from gunicorn import glogging

from boot import logline

PROGRAM = "web"


class Logger(glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's logger, whose lines go where all lines go."""

    def setup(self, cfg: Any) -> None:
        """Set levels and handlers; called again on SIGHUP."""
        super().setup(cfg)
        logline.configure(PROGRAM)
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True


def quiet_uvicorn() -> None:
    """Leave uvicorn's warnings and errors; its INFO lines repeat ours.

    Never less: below INFO it logs the frames of WebSockets, at INFO their URLs with the query.
    """
    logger = logging.getLogger("uvicorn.error")
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(logging.WARNING)
