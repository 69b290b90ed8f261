"""How does gunicorn serve the site?"""

import multiprocessing

from config.environment import environment
from metrics.workers import on_exit, on_starting, post_fork, pre_fork  # noqa: F401 - Hooks, found by name.

ENVIRONMENT = environment()

workers = min(max(2 * multiprocessing.cpu_count() + 1, 2), 8)
worker_connections = ENVIRONMENT.worker_connections
timeout = ENVIRONMENT.worker_timeout
keepalive = ENVIRONMENT.keepalive
max_requests = ENVIRONMENT.max_requests
max_requests_jitter = ENVIRONMENT.max_requests_jitter
