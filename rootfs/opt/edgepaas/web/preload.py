"""The app imported once, by the arbiter before it forks: EDGEPAAS_WEB_PRELOAD.

What all workers have in common is in memory once then. It is only for an app that opens nothing
and starts no thread while it is imported: that is looked at, and taken back where it is not so.
"""

import fcntl
import gc
import importlib
import logging
import os
import stat
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from boot.gate import LISTENER
from boot.notifier import Notifier
from web import metric_files

VARIABLE = "EDGEPAAS_WEB_PRELOAD"

log = logging.getLogger(__name__)


def preload(environ: MutableMapping[str, str], notifier: Notifier) -> None:
    """Import the app's module where the environment asks for it.

    One that cannot be imported is left to the workers, which say why.
    """
    if environ.get(VARIABLE) != "1":
        return
    metric_files.prepare()
    before = connections()
    try:
        importlib.import_module(environ["EDGEPAAS_APP"].partition(":")[0])
    except (Exception, SystemExit) as error:  # noqa: BLE001 (whatever the app raises)
        log.debug("the app cannot be imported before the fork: %r", error)
    opened = len(connections() - before)
    threads = len(list(Path("/proc/self/task").iterdir())) - 1
    if opened or threads:
        notifier.give_back(environ)
        begin_anew(environ, f"opened {opened} sockets or databases and started {threads} threads")
    gc.freeze()


def connections() -> set[tuple[int, int]]:
    """Return what tells this process's sockets, and files open to read and write, apart."""
    found = set()
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the descriptor that this very loop has
            descriptor = int(each.name)
            status = os.fstat(descriptor)
            flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
            is_file = stat.S_ISREG(status.st_mode) and flags & os.O_ACCMODE == os.O_RDWR
            if is_file or stat.S_ISSOCK(status.st_mode):
                found.add((status.st_dev, status.st_ino))
    return found


def begin_anew(environ: MutableMapping[str, str], why: str) -> NoReturn:
    """Become the arbiter again, in the same process, without having imported the app."""
    log.warning(
        "importing the app %s, which workers must not share: each will import it; set %s=0",
        why,
        VARIABLE,
    )
    environ[VARIABLE] = "0"
    if LISTENER in environ:
        os.set_inheritable(int(environ[LISTENER]), True)
    os.execv(sys.executable, [sys.executable, "-m", "web", *sys.argv[1:]])  # noqa: S606
