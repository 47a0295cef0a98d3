"""Why a change is refused; each message is for the client. Imports nothing of ours."""

from collections.abc import Sequence
from uuid import UUID


class RefusedError(Exception):
    """What was asked for cannot be done; `kind` is a stable name for why."""

    kind = "refused"


class MissingError(RefusedError, LookupError):
    """There is none of that id."""

    def __init__(self, what: str, row_id: UUID) -> None:
        super().__init__(f"there is no {what} {row_id}")
        self.kind = f"{what}-missing"


class ReferenceMissingError(RefusedError):
    """What a value refers to is not there; `field` is the value's name."""

    kind = "reference-missing"

    def __init__(self, field: str, row_id: UUID) -> None:
        super().__init__(f"there is no {field.removesuffix('_id')} {row_id}")
        self.field = field


class ConflictError(RefusedError):
    """What is there already does not allow it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class StateError(ConflictError):
    """A deployment in this state cannot go there; `allowed` is where it can."""

    def __init__(self, state: str, wanted: str, allowed: Sequence[str]) -> None:
        ways = f"it can become {' or '.join(allowed)}" if allowed else "it has ended"
        super().__init__(
            "state-not-allowed", f"a deployment that is {state} cannot become {wanted}; {ways}"
        )
        self.state = state
        self.allowed = tuple(allowed)


class ChangedError(RefusedError):
    """The row is not in the version the client has seen."""

    kind = "changed-meanwhile"


class KeyReusedError(RefusedError):
    """The idempotency key came with another request before."""

    kind = "idempotency-key-reused"
