"""A verb that cannot go on; `edgepaas` says why and ends with the status."""

from boot.exit_status import ExitStatus


class RefusedError(Exception):
    """The verb cannot go on: the message says why and what to do, `status` is the exit status."""

    def __init__(self, message: str, status: ExitStatus) -> None:
        super().__init__(message)
        self.status = status
