"""What would a WSGI server do? It runs requests on worker threads, which keep their connections."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property, partial
from itertools import count
from typing import Any, Self

from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import get_internal_wsgi_application
from django.db import connections
from django.http.response import HttpResponseBase
from django.test.client import Client, conditional_content_removal

from pytest_dbperf.clients.exchange import (
    Exchange,
    apply,
    complete,
    current_exchange,
    observed,
    response_from,
)
from pytest_dbperf.clients.json_body import with_json
from pytest_dbperf.clients.preconditions import close_left, require_committed, require_no_loop
from pytest_dbperf.probes.listening import RECORDER
from pytest_dbperf.probes.threads import this_thread

_numbers = count(1)
running: set[Workers] = set()


class Workers:
    """The threads of a server. A request goes to the least busy one; among equals, to the longest idle."""

    def __init__(self, size: int) -> None:
        if type(size) is not int or size < 1:
            raise ValueError(f"wsgi_client workers must be a whole number >= 1, got {size!r}")
        self._pools = [_worker() for _ in range(size)]
        self._waiting = dict.fromkeys(range(size), 0)
        # gather() submits from many threads.
        self._lock = threading.Lock()
        running.add(self)

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Run a function in a worker."""
        with self._lock:
            chosen = min(self._waiting, key=self._waiting.__getitem__)
            # Back at the end of the dictionary: it was used last.
            self._waiting[chosen] = self._waiting.pop(chosen) + 1
        future = self._pools[chosen].submit(function, *args)
        future.add_done_callback(lambda _: self._done(chosen))
        return future

    def _done(self, worker: int) -> None:
        with self._lock:
            self._waiting[worker] -= 1

    def close(self, alias: str) -> None:
        """Close the connection of every worker to a database."""
        for done in [pool.submit(_close, alias) for pool in self._pools]:
            done.result()

    def stop(self) -> None:
        """Close the connections of all workers, then end the threads."""
        running.discard(self)
        with RECORDER.pause():
            closed = [pool.submit(connections.close_all) for pool in self._pools]
            for pool in self._pools:
                pool.shutdown()
        for done in closed:
            done.result()


def _worker() -> ThreadPoolExecutor:
    def keep_connections() -> None:
        this_thread.keeps_connections = True

    name = f"wsgi-worker-{next(_numbers)}"
    return ThreadPoolExecutor(1, thread_name_prefix=name, initializer=keep_connections)


class WsgiClient(Client):
    """A `django.test.Client` that runs its requests as a WSGI server does, on worker threads.

    The project's WSGI application serves them, with Django's request signals. Each worker keeps its database
    connections as long as `CONN_MAX_AGE` allows. The test needs committed rows:
    `@pytest.mark.django_db(transaction=True)`.
    """

    def __init__(self, workers: int = 1, *, start: Callable[[int], Workers], **options: Any) -> None:
        super().__init__(**options)
        require_committed("wsgi_client")
        self._start = start
        self._workers = start(workers)
        # gather() sends requests from many threads, which share the cookies.
        self._lock = threading.Lock()

    def new(self, workers: int = 1, **options: Any) -> Self:
        """Make another client with its own workers and cookies, and with options of `django.test.Client`."""
        return type(self)(workers, start=self._start, **options)

    def request(self, **request: Any) -> Any:
        """Run a request in a worker and wait for its response; `get`, `post` and so on call this."""
        require_no_loop("wsgi_client", "it works in sync tests only, so use asgi_client here")
        require_committed("wsgi_client")
        exchange = Exchange(enforce_csrf_checks=self.handler.enforce_csrf_checks)
        with self._lock:
            application = self._application
            untyped: Any = self  # django-stubs do not know _base_environ().
            environ = untyped._base_environ(**request)
        response = self._workers.submit(_serve, application, environ, exchange).result()
        with self._lock:
            return complete(self, response, exchange, request, request["PATH_INFO"])

    @cached_property
    def _application(self) -> Any:
        # At the first request, as in Django's client, so that a test can change settings before it.
        return application()

    post = with_json(Client.post)
    put = with_json(Client.put)
    patch = with_json(Client.patch)
    delete = with_json(Client.delete)

    def gather(self, requests: Iterable[str | Callable[[], Any]]) -> list[Any]:
        """Send requests at the same time and return their responses, in the order of the requests.

        A request is a path for `get`, or a callable: `lambda: wsgi_client.post("/join/", json={})`. If
        requests raise errors, the first one in this order is raised after all have ended.
        """
        calls = [partial(self.get, request) if isinstance(request, str) else request for request in requests]
        with ThreadPoolExecutor(len(calls) or 1, thread_name_prefix="wsgi-browser") as browsers:
            responses = [browsers.submit(_browse, call) for call in calls]
        return [response.result() for response in responses]


def _close(alias: str) -> None:
    connections[alias].close()


def _browse(call: Callable[[], Any]) -> Any:
    try:
        return call()
    finally:
        connections.close_all()  # The thread ends here, and nothing else would close them.


def application() -> Any:
    """Load the application of WSGI_APPLICATION; make Django's own again, as settings may have changed."""
    loaded: Any = get_internal_wsgi_application()
    return type(loaded)() if isinstance(loaded, WSGIHandler) else loaded


def _serve(application: Any, environ: dict[str, Any], exchange: Exchange) -> Any:
    started: list[Any] = []
    chunks: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
        started[:] = [status, headers]
        return chunks.append

    token = current_exchange.set(exchange)
    try:
        body = application(environ, start_response)
        try:
            # A server iterates over the body in the same thread, then closes it.
            chunks += body
        finally:
            getattr(body, "close", bool)()
    finally:
        current_exchange.reset(token)
    status, headers = started
    code = int(status.partition(" ")[0])
    if isinstance(body, HttpResponseBase):
        response: Any = body
        apply(response, code, headers)
        if response.streaming:
            response.streaming_content = chunks
    else:  # Code around Django's application returned a body that is no Django response.
        response = response_from(code, headers, b"".join(chunks))
    response.wsgi_request = exchange.request
    return response if exchange.request is None else conditional_content_removal(exchange.request, response)


@contextmanager
def serving() -> Iterator[WsgiClient]:
    """Yield a client until the end of a test, then stop its threads and close its connections."""
    started: list[Workers] = []

    def start(size: int) -> Workers:
        started.append(Workers(size))
        return started[-1]

    with observed, RECORDER.connections.held() as left:
        try:
            yield WsgiClient(start=start)
        finally:
            try:
                for workers in started:
                    workers.stop()
            finally:
                close_left(left)
