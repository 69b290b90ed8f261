"""How does gunicorn serve the site? `entrypoint.sh` adds what differs between WSGI and ASGI."""

import os
from pathlib import Path

from config.environment import environment
from metrics.workers import on_exit, on_starting, post_fork, pre_fork  # noqa: F401 - Hooks, found by name.

ENVIRONMENT = environment()
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - Chosen because it is in memory.

# The CPUs that this process may use: a container may be bound to some of the machine's CPUs, which
# `os.cpu_count` does not know. A CPU quota (`docker run --cpus`) shows in neither: set WEB_CONCURRENCY there.
cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
workers = ENVIRONMENT.web_concurrency or min(max(2 * cpus + 1, 2), 8)
# Only for gthread: each thread keeps its own database connection.
threads = 4
worker_connections = ENVIRONMENT.worker_connections

timeout = ENVIRONMENT.worker_timeout
# Time for running requests after the server was told to end. A supervisor should wait longer before it kills.
graceful_timeout = 30
keepalive = ENVIRONMENT.keepalive
max_requests = ENVIRONMENT.max_requests
max_requests_jitter = ENVIRONMENT.max_requests_jitter
# A worker touches a file to show that it is alive. On a blocked disk it would look dead.
worker_tmp_dir = str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None

accesslog = "-"
# A control socket since 25.1, at the same path in the home directory for all servers of a user.
control_socket_disable = True
