"""What a verb needs to do a unit's work as a job: a whole environment, and the application."""

import os
import sys
from collections.abc import Callable, Mapping
from typing import TypeVar

from boot.database.schema_error import SchemaError
from boot.database.sqlite_file import CannotWriteError
from boot.database.url import DatabaseUrlError
from boot.verbs import in_effect
from boot.verbs.refused import RefusedError

Answer = TypeVar("Answer")


def environment() -> Mapping[str, str]:
    """Return the environment, checked and completed. Raises RefusedError."""
    contract = in_effect.contract()
    values = in_effect.values(contract)
    # Units find the application by PYTHONPATH; this process, run isolated (-I), does not.
    sys.path.insert(1, contract.lenient(os.environ, "EDGEPAAS_APP_DIR"))
    return {**os.environ, **values}


def refusing(action: Callable[[], Answer]) -> Answer:
    """Do it; what its databases refuse is raised as RefusedError, in one line with the advice."""
    try:
        return action()
    except (DatabaseUrlError, SchemaError, CannotWriteError) as error:
        raise RefusedError(f"{error}; {error.advice}", error.status) from None
