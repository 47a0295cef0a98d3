"""The oneshot notes-welcome: a first note where there is none yet."""

import logging
import os

from sqlalchemy import create_engine, func, insert, select

from notes.tables import notes

log = logging.getLogger("notes-welcome")


def main() -> None:
    """Keep the first note, once."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with create_engine(os.environ["DATABASE_URL"]).begin() as connection:
        count = connection.scalar(select(func.count()).select_from(notes))
        if not count:
            connection.execute(insert(notes).values(text="the first note"))
    log.info("%s", f"{count} notes are here" if count else "kept the first note")


if __name__ == "__main__":
    main()
