"""How does gunicorn serve the site? `entrypoint.sh` adds what differs between WSGI and ASGI."""

import os
from pathlib import Path

from config.environment import environment
from metrics.workers import on_exit, on_starting, post_fork, pre_fork  # noqa: F401 - Hooks, found by name.

ENVIRONMENT = environment()
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - It is chosen because it is in memory.

# Those that this process may use: a container may be bound to a part of the machine's, which `os.cpu_count`
# does not know. A quota of time (`docker run --cpus`) shows in neither: there, set WEB_CONCURRENCY.
cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
workers = ENVIRONMENT.web_concurrency or min(max(2 * cpus + 1, 2), 8)
# Of gthread alone: each thread keeps a connection to the database of its own.
threads = 4
worker_connections = ENVIRONMENT.worker_connections

timeout = ENVIRONMENT.worker_timeout
# For requests that run when the server is told to end. Whoever tells it should wait longer, then kill.
graceful_timeout = 30
keepalive = ENVIRONMENT.keepalive
max_requests = ENVIRONMENT.max_requests
max_requests_jitter = ENVIRONMENT.max_requests_jitter
# A worker tells that it lives by touching a file, and a disk that stands still would make it look dead.
worker_tmp_dir = str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None

accesslog = "-"
# Since 25.1, a socket for commands, at the same place in the home directory for all servers of a user.
control_socket_disable = True
