"""How does uvicorn serve the site as a worker of gunicorn?

`uvicorn_worker` takes `keepalive`, `timeout` and `max_requests` with its jitter from gunicorn's settings, and
leaves out `worker_connections`.
"""

from typing import Any

from uvicorn_worker import UvicornWorker

from config.environment import environment


class AsgiWorker(UvicornWorker):
    """A worker that serves WORKER_CONNECTIONS at a time."""

    CONFIG_KWARGS: dict[str, Any] = {
        **UvicornWorker.CONFIG_KWARGS,
        # A request counts its own connection among those that are too many. It is answered with 503, where
        # gthread lets it wait until another one has gone.
        "limit_concurrency": environment().worker_connections + 1,
        "lifespan": "off",  # Django has nothing to do at the start and at the end.
        # On by default for whoever asks from this machine, which may be a proxy that hands on what it was
        # sent: clients would choose their addresses. `users.rate_limit` knows what to trust of the header.
        "proxy_headers": False,
    }
