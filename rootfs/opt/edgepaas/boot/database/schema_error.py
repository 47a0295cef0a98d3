"""Why the schema step ends the boot. A leaf: what it imports of ours is the table of statuses."""

from boot.exit_status import ExitStatus


class SchemaError(Exception):
    """The schema cannot be brought to this image's revision.

    `status` is what the boot ends with; `advice` is one line on what to do.
    """

    def __init__(self, problem: str, advice: str, status: ExitStatus = ExitStatus.SCHEMA) -> None:
        super().__init__(problem)
        self.advice = advice
        self.status = status
