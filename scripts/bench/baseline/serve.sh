#!/bin/sh
# gunicorn with two uvicorn workers.
exec gunicorn --workers 2 --worker-class uvicorn_worker.UvicornWorker --bind 0.0.0.0:${PORT:-8000} --log-level warning ${APP:-app.main:app}
