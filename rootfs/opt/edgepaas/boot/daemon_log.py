"""supervisord's own log, whose errors come out as lines of ours. Imports nothing of ours."""

import logging
from typing import Any

ERROR_LEVEL = 40

log = logging.getLogger(__name__)


class DaemonLog:
    """A handler in supervisord's own logger."""

    level = ERROR_LEVEL

    def emit(self, record: Any) -> None:
        """Pass one record on."""
        log.error("supervisord: %s", record.asdict()["message"].strip())

    def flush(self) -> None:
        """Do nothing."""

    close = reopen = remove = flush
