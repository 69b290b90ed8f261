"""How does gunicorn run uvicorn as a worker?

`uvicorn_worker` takes `keepalive`, `timeout` and `max_requests` with its jitter from gunicorn's settings, but
not `worker_connections`.
"""

from typing import Any

from uvicorn_worker import UvicornWorker

from config.environment import environment


class AsgiWorker(UvicornWorker):
    """A worker that serves WORKER_CONNECTIONS at a time."""

    CONFIG_KWARGS: dict[str, Any] = {
        **UvicornWorker.CONFIG_KWARGS,
        # uvicorn counts the new request's own connection, too. One more is answered with 503, where gthread
        # lets it wait until another one ends.
        "limit_concurrency": environment().worker_connections + 1,
        "lifespan": "off",  # Django has nothing to do at start-up and shutdown.
        # uvicorn trusts these headers by default if the request comes from this machine, such as from a local
        # proxy that passes on what the client sent. Clients could then choose their addresses.
        # `users.rate_limit` decides how much of the header to trust.
        "proxy_headers": False,
    }
