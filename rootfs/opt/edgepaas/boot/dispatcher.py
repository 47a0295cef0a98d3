"""Descriptors of ours in supervisord's poll loop. Imports nothing of ours."""

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)


class Dispatcher:
    """One descriptor, as supervisord's loop wants it."""

    def __init__(
        self,
        fd: int,
        on_read: Callable[[], None] | None = None,
        on_write: Callable[[], None] | None = None,
        wants_write: Callable[[], bool] = lambda: False,
    ) -> None:
        self.fd = fd
        self.on_read = on_read
        self.handle_write_event = on_write or (lambda: None)
        self.writable = wants_write

    def readable(self) -> bool:
        """Tell whether to poll for input."""
        return self.on_read is not None

    def handle_read_event(self) -> None:
        """Take what can be read."""
        if self.on_read:
            self.on_read()

    def handle_error(self) -> None:
        """Log the exception that supervisord's loop caught."""
        log.error("a bug in a handler of descriptor %d", self.fd, exc_info=True)  # noqa: LOG014 - the loop calls this in its except clause
