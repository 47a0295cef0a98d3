"""What nobody caught becomes a log line, and a crash below Python leaves its stacks.

Imports nothing of ours.
"""

import faulthandler
import logging
import sys
import threading
import traceback
from types import TracebackType
from typing import Any

STDERR = 2

log = logging.getLogger("uncaught")


def install() -> None:
    """Log what ends this process or one of its threads. Hooks that others set stay theirs."""
    faulthandler.enable(STDERR)
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = in_program
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = in_thread
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = in_cleanup


def in_program(
    kind: type[BaseException], error: BaseException, where: TracebackType | None
) -> None:
    """Log the exception that ends the program. Ctrl-C is none to be told of."""
    if not issubclass(kind, KeyboardInterrupt):
        tell("ended by an exception that nobody caught", error, where, logging.CRITICAL)


def in_thread(arguments: Any) -> None:
    """Log the exception that ended a thread."""
    if arguments.exc_type is not SystemExit and arguments.exc_value:
        name = arguments.thread.name if arguments.thread else "unknown"
        what = f"the thread {name} ended by an exception that nobody caught"
        tell(what, arguments.exc_value, arguments.exc_traceback)


def in_cleanup(arguments: Any) -> None:
    """Log an exception where there is nobody to raise it to, such as in `__del__`."""
    if arguments.exc_value:
        what = arguments.err_msg or "an exception was ignored while cleaning up"
        tell(what, arguments.exc_value, arguments.exc_traceback)


def tell(
    what: str, error: BaseException, where: TracebackType | None, level: int = logging.ERROR
) -> None:
    """Log one exception, its own words in the message."""
    words = traceback.format_exception_only(error)[-1].strip()
    log.log(level, "%s: %s", what, words, exc_info=(type(error), error, where))
