"""gunicorn with a prestart script, as a hook of its own."""

import subprocess

bind = "0.0.0.0:8000"
workers = 2
worker_class = "uvicorn_worker.UvicornWorker"
loglevel = "warning"


def on_starting(_server):
    """Run the steps before the workers are forked."""
    subprocess.run(["baseline/steps.sh"], check=True)
