"""gunicorn's settings, from the environment as env-check wrote it: no default stands here."""

import os
from math import ceil

from web import hooks
from web.logger import Logger
from web.worker import Worker

environ = os.environ
host = environ["EDGEPAAS_BIND"]
memory = "/dev/shm"  # noqa: S108 (in memory, so that a heartbeat never waits for a disk)

wsgi_app = environ["EDGEPAAS_APP"]
held = environ.get("EDGEPAAS_LISTEN_FD")  # by PID 1, so that a restart turns nobody away
bind = f"[{host}]:{environ['PORT']}" if ":" in host else f"{host}:{environ['PORT']}"
bind = f"fd://{held}" if held else bind
workers = int(environ["WEB_CONCURRENCY"])
worker_class = Worker
worker_tmp_dir = memory if os.access(memory, os.W_OK | os.X_OK) else None

timeout = ceil(float(environ["EDGEPAAS_WEB_TIMEOUT"]))
graceful_timeout = max(1, int(float(environ["EDGEPAAS_GRACEFUL_TIMEOUT"])))
keepalive = ceil(float(environ["EDGEPAAS_WEB_KEEPALIVE"]))
max_requests = int(environ["EDGEPAAS_WEB_MAX_REQUESTS"])
max_requests_jitter = max_requests // 10

forwarded_allow_ips = environ["EDGEPAAS_FORWARDED_ALLOW_IPS"]
control_socket_disable = True  # it would be a thread in a process that forks
loglevel = environ["LOG_LEVEL"]
logger_class = Logger
errorlog = None
accesslog = None

on_starting = hooks.on_starting
when_ready = hooks.when_ready
pre_fork = hooks.pre_fork
post_fork = hooks.post_fork
child_exit = hooks.child_exit
on_exit = hooks.on_exit
