"""What would an ASGI server do? It runs each request on an event loop, and its sync code in a thread."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from http.cookies import SimpleCookie
from typing import Any, Self

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIHandler
from django.test.client import AsyncClient, ClientMixin, conditional_content_removal
from django.utils.module_loading import import_string

from pytest_dbperf.clients.event_loop import Loop, capture_error, raise_captured
from pytest_dbperf.clients.exchange import Exchange, complete, current_exchange, observed, response_from
from pytest_dbperf.clients.json_body import with_json
from pytest_dbperf.clients.preconditions import close_left, require_committed, require_no_loop
from pytest_dbperf.probes.listening import RECORDER
from pytest_dbperf.recording import cause
from pytest_dbperf.recording.open_connections import is_served
from pytest_dbperf.session.standing_connections import NotLikeProduction


class _Browser(AsyncClient):
    """Django's `AsyncClient` on the server's event loop, sending requests to the project's application."""

    def __init__(self, public_client: AsgiClient, **options: Any) -> None:
        super().__init__(**options)
        self.public_client = public_client

    @cached_property
    def _application(self) -> Callable[..., Awaitable[None]]:
        # At the first request, as in Django's client, so that a test can change settings before it.
        return application()

    post = with_json(AsyncClient.post)
    put = with_json(AsyncClient.put)
    patch = with_json(AsyncClient.patch)
    delete = with_json(AsyncClient.delete)

    async def request(self, **request: Any) -> Any:
        body_file = request.pop("_body_file", None)
        body = body_file.read() if body_file is not None else b""
        untyped: Any = self  # django-stubs do not know _base_scope().
        scope = untyped._base_scope(**request)
        exchange = Exchange(enforce_csrf_checks=self.handler.enforce_csrf_checks)
        # A server's request has none of the test's context variables; only the cause of its queries is kept.
        context = contextvars.Context()
        context.run(cause.inherited.set, cause.inherited.get())
        context.run(current_exchange.set, exchange)
        context.run(is_served.set, True)  # noqa: FBT003  # ContextVar.set takes no keyword
        serving = capture_error(_serve, self._application, scope, body, exchange)
        response = raise_captured(await asyncio.create_task(serving, context=context))
        # Django's assertions and redirects read these keys.
        wsgi = {"PATH_INFO": request["path"], "REQUEST_METHOD": request["method"]}
        complete(self, response, exchange, {**request, **wsgi}, request["path"])
        response.client = self.public_client
        return response

    def generic(self, method: str, path: Any, *args: Any, **options: Any) -> Any:
        # Django's AsyncClient drops headers that are passed as HTTP_X_TEST or to its constructor.
        extra = {**self.defaults, **options}
        headers = {
            name.removeprefix("HTTP_").replace("_", "-"): value
            for name, value in extra.items()
            if name.startswith("HTTP_")
        }
        options["headers"] = {**headers, **(options.get("headers") or {})}
        return super().generic(method, path, *args, **options)


async def _serve(
    application: Callable[..., Awaitable[None]], scope: dict[str, Any], body: bytes, exchange: Exchange
) -> Any:
    received = iter([{"type": "http.request", "body": body, "more_body": False}])
    ended = asyncio.Event()
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if message := next(received, None):
            return message
        await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            ended.set()

    await application(scope, receive, send)
    if not sent:
        raise RuntimeError(f"the ASGI application sent no response to {scope['method']} {scope['path']}")
    start, *rest = sent
    headers = [(name.decode("latin1"), value.decode("latin1")) for name, value in start["headers"]]
    response: Any = response_from(
        start["status"], headers, b"".join(message.get("body", b"") for message in rest)
    )
    response.asgi_request = exchange.request  # As in Django's AsyncClient.
    if exchange.request is not None:
        conditional_content_removal(exchange.request, response)
    return response


def _sync_method(method: str) -> Callable[..., Any]:
    def send(self: AsgiClient, *args: Any, **kwargs: Any) -> Any:
        return self._send(method, *args, **kwargs)

    send.__name__ = method
    send.__doc__ = f"Send a request and wait for its response, as `django.test.Client.{method}` does."
    return send


def _async_method(method: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def send(self: AsgiClient, *args: Any, **kwargs: Any) -> Any:
        return await self._asend(method, *args, **kwargs)

    send.__name__ = f"a{method}"
    send.__doc__ = f"Send a request and await its response, as `django.test.AsyncClient.{method}` does."
    return send


class AsgiClient(ClientMixin):
    """A test client with the API of `django.test.Client` that runs its requests as an ASGI server does.

    The project's ASGI application serves them on an event loop in another thread. Sync tests use `get`,
    `post` and so on, async tests await `aget`, `apost` and so on. Each request has its own thread for sync
    code, and so its own database connections. The test needs committed rows:
    `@pytest.mark.django_db(transaction=True)`.
    """

    def __init__(self, loop: Loop, **options: Any) -> None:
        self._loop = loop
        self._browser = _Browser(self, **options)

    def new(self, **options: Any) -> Self:
        """Make another client with its own cookies, and with options of `django.test.AsyncClient`."""
        return type(self)(self._loop, **options)

    @property
    def cookies(self) -> SimpleCookie:
        """The cookies that responses and `login()` have set."""
        return self._browser.cookies

    @cookies.setter
    def cookies(self, cookies: SimpleCookie) -> None:
        self._browser.cookies = cookies

    @property
    def extra(self) -> dict[str, Any] | None:
        """The extra arguments of the last request, which Django's assertions send again."""
        return self._browser.extra

    @property
    def headers(self) -> Mapping[str, Any] | None:
        """The headers of the last request."""
        return self._browser.headers

    @property
    def defaults(self) -> dict[str, Any]:
        """The values that are sent with every request."""
        return dict(self._browser.defaults)

    @property
    def raise_request_exception(self) -> bool:
        """Whether a view's error is raised in the test (the default) or becomes a response of status 500."""
        return self._browser.raise_request_exception

    @raise_request_exception.setter
    def raise_request_exception(self, raises: bool) -> None:
        self._browser.raise_request_exception = raises

    get = _sync_method("get")
    post = _sync_method("post")
    head = _sync_method("head")
    options = _sync_method("options")
    put = _sync_method("put")
    patch = _sync_method("patch")
    delete = _sync_method("delete")
    trace = _sync_method("trace")
    generic = _sync_method("generic")

    aget = _async_method("get")
    apost = _async_method("post")
    ahead = _async_method("head")
    aoptions = _async_method("options")
    aput = _async_method("put")
    apatch = _async_method("patch")
    adelete = _async_method("delete")
    atrace = _async_method("trace")
    ageneric = _async_method("generic")

    def gather(self, requests: Iterable[str | Coroutine[Any, Any, Any]]) -> list[Any]:
        """Send requests at the same time and return their responses, in the order of the requests.

        A request is a path for `get`, or what `aget`, `apost` and so on return. If requests raise errors, the
        first one in this order is raised after all have ended. In a coroutine, use `asyncio.gather`.
        """
        requests = list(requests)
        try:
            self._require_sync()
        except NotLikeProduction:
            for request in requests:
                if not isinstance(request, str):
                    request.close()
            raise
        calls = [
            partial(self._browser.get, request) if isinstance(request, str) else partial(_await, request)
            for request in requests
        ]

        async def all_of_them() -> list[Any]:
            # An error is captured, so that the other requests run to their end.
            return await asyncio.gather(*(capture_error(call) for call in calls))

        return [raise_captured(outcome) for outcome in self._loop.submit(all_of_them()).result()]

    def _require_sync(self) -> None:
        require_no_loop("asgi_client", "await the async method instead, as in `await asgi_client.aget(...)`")
        require_committed("asgi_client")

    def _send(self, method: str, *args: Any, **kwargs: Any) -> Any:
        self._require_sync()
        sending = capture_error(getattr(self._browser, method), *args, **kwargs)
        return raise_captured(self._loop.submit(sending).result())

    async def _asend(self, method: str, *args: Any, **kwargs: Any) -> Any:
        sending = capture_error(getattr(self._browser, method), *args, **kwargs)
        return raise_captured(await asyncio.wrap_future(self._loop.submit(sending)))


async def _await(sending: Coroutine[Any, Any, Any]) -> Any:
    return await sending


def application() -> Callable[..., Awaitable[None]]:
    """Load the application of ASGI_APPLICATION; make Django's own again, as settings may have changed."""
    path = getattr(settings, "ASGI_APPLICATION", None)
    loaded = import_string(path) if path else get_asgi_application()
    return type(loaded)() if isinstance(loaded, ASGIHandler) else loaded


@contextmanager
def serving() -> Iterator[AsgiClient]:
    """Yield a client until the end of a test, then stop its threads and close its connections."""
    require_committed("asgi_client")
    loop = Loop()
    with observed, RECORDER.connections.held() as left:
        try:
            yield AsgiClient(loop)
        finally:
            try:
                loop.stop()
            finally:
                close_left(left)
