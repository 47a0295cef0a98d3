"""The web unit: `python -m web` is gunicorn, its and the app's libraries imported before it forks.

Started ahead (`ahead = yes`), it does that while the database is being looked for, and waits at
the gate. No code of the app runs before the workers are forked: it cannot open a connection that
two processes would share, and SIGHUP runs it anew.
"""

import gc
import logging
from importlib import import_module

import gunicorn.app.base
from gunicorn.app.wsgiapp import WSGIApplication

from boot import gate, quick_exit  # noqa: F401 (it is to be the last at the end)
from web.arbiter import Arbiter

# What the app imports of what this image brings, slow ones first; web.hooks comes after the gate,
# for it reads the environment. tests/web/test_ahead.py holds the list against the app.
LIBRARIES = (
    "fastapi",
    "sqlalchemy.orm",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
    "starlette.middleware.cors",
    "starlette.staticfiles",
    "starlette.templating",
    "prometheus_client",
    "pydantic.dataclasses",
    "pydantic.v1",
    "psycopg2.extras",
    "sqlite3",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "uvloop",
    "web.worker",
    "web.logger",
)


def import_libraries() -> None:
    """Import what the workers will need; a library that is not there is theirs to miss."""
    for name in LIBRARIES:
        try:
            import_module(name)
        except ImportError as error:
            logging.getLogger(__name__).debug("%s is not imported ahead: %s", name, error)


def main() -> None:
    """Get ready, wait, and be gunicorn."""
    gc.disable()  # nothing of what is imported is garbage
    import_libraries()
    gunicorn.app.base.Arbiter = Arbiter
    gate.wait()
    gc.freeze()  # so that no worker's collector writes to what all of them share
    gc.enable()
    WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]", prog="gunicorn").run()


if __name__ == "__main__":
    main()
