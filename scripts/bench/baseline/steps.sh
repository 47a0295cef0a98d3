#!/bin/sh
# The three steps before the service, as an entrypoint runs them.
set -e
python baseline/check.py
python baseline/wait.py
alembic -c app/alembic.ini upgrade head
