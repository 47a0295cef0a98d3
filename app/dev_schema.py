"""The schema for running alone: only the SQLite file we chose ourselves, never a DATABASE_URL."""

import logging
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from app.db import Database

log = logging.getLogger(__name__)


def create(database: "Database") -> None:
    """Migrate the file to head in one transaction. Failing is logged: readiness tells the rest."""
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)  # it tells its imports
    from alembic import command  # noqa: PLC0415 - costs 0.2 s, which no production start pays
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", "app:migrations")
    config.set_main_option("path_separator", "os")
    try:
        with database.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except SQLAlchemyError as error:
        log.warning("cannot create the schema: %s", getattr(error, "orig", None) or error)
