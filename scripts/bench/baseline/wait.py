"""db-wait as people write it: SQLAlchemy until it connects."""

import os
import sys
import time

import sqlalchemy

for _ in range(30):
    try:
        with sqlalchemy.create_engine(os.environ["DATABASE_URL"]).connect() as connection:
            connection.execute(sqlalchemy.text("SELECT 1"))
            sys.exit(0)
    except sqlalchemy.exc.OperationalError:
        time.sleep(1)
sys.exit("the database does not answer")
