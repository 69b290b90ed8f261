"""What would an ASGI server do? The whole request, on an event loop and a thread for its sync code."""

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
from django.http import HttpResponse
from django.test.client import AsyncClient, ClientMixin, conditional_content_removal
from django.utils.module_loading import import_string

from pytest_dbperf.clients.event_loop import Loop, carried, landed
from pytest_dbperf.clients.exchange import Exchange, complete, current, observed, response_from
from pytest_dbperf.clients.json_body import with_json
from pytest_dbperf.clients.preconditions import close_left, require_committed, require_no_loop
from pytest_dbperf.probes.listening import RECORDER
from pytest_dbperf.recording import cause
from pytest_dbperf.recording.open_connections import is_served
from pytest_dbperf.session.standing_connections import NotLikeProduction


class _Browser(AsyncClient):
    """Django's asynchronous client, on the server's loop; its requests go to the project's application."""

    def __init__(self, seen_as: AsgiClient, **options: Any) -> None:
        super().__init__(**options)
        self.seen_as = seen_as

    @cached_property
    def _served_by(self) -> Callable[..., Awaitable[None]]:
        # At the first request, as in Django's client: a test may change settings before.
        return application()

    post = with_json(AsyncClient.post)
    put = with_json(AsyncClient.put)
    patch = with_json(AsyncClient.patch)
    delete = with_json(AsyncClient.delete)

    async def request(self, **request: Any) -> Any:
        body_file = request.pop("_body_file", None)
        body = body_file.read() if body_file is not None else b""
        scope = self._base_scope(**request)  # type: ignore[attr-defined]  # not in django-stubs
        exchange = Exchange(enforce_csrf_checks=self.handler.enforce_csrf_checks)
        # A server's request knows nothing of the test's context, but for who is to blame.
        context = contextvars.Context()
        context.run(cause.inherited.set, cause.inherited.get())
        context.run(current.set, exchange)
        context.run(is_served.set, True)  # noqa: FBT003  # ContextVar.set takes no keyword
        serving = carried(_serve, self._served_by, scope, body, exchange)
        response = landed(await asyncio.create_task(serving, context=context))
        # What Django's assertions and redirects look for.
        wsgi = {"PATH_INFO": request["path"], "REQUEST_METHOD": request["method"]}
        complete(self, response, exchange, {**request, **wsgi}, request["path"])
        response.client = self.seen_as
        return response

    def generic(self, method: str, path: Any, *args: Any, **options: Any) -> Any:
        # Django's own asynchronous client drops headers that are given as HTTP_X_TEST, or to its constructor.
        given = {**self.defaults, **options}
        headers = {
            name.removeprefix("HTTP_").replace("_", "-"): value
            for name, value in given.items()
            if name.startswith("HTTP_")
        }
        options["headers"] = {**headers, **(options.get("headers") or {})}
        return super().generic(method, path, *args, **options)


async def _serve(
    served_by: Callable[..., Awaitable[None]], scope: dict[str, Any], body: bytes, exchange: Exchange
) -> HttpResponse:
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

    await served_by(scope, receive, send)
    if not sent:
        raise RuntimeError(f"the ASGI application sent no response to {scope['method']} {scope['path']}")
    start, *rest = sent
    headers = [(name.decode("latin1"), value.decode("latin1")) for name, value in start["headers"]]
    response = response_from(start["status"], headers, b"".join(message.get("body", b"") for message in rest))
    response.asgi_request = exchange.request  # type: ignore[attr-defined]  # as Django's client has it
    if exchange.request is not None:
        conditional_content_removal(exchange.request, response)
    return response


def _now(method: str) -> Callable[..., Any]:
    def send(self: AsgiClient, *args: Any, **kwargs: Any) -> Any:
        return self._now(method, *args, **kwargs)

    send.__name__ = method
    send.__doc__ = f"Send a request and wait for its response, as `django.test.Client.{method}` does."
    return send


def _later(method: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def send(self: AsgiClient, *args: Any, **kwargs: Any) -> Any:
        return await self._later(method, *args, **kwargs)

    send.__name__ = f"a{method}"
    send.__doc__ = f"Send a request and await its response, as `django.test.AsyncClient.{method}` does."
    return send


class AsgiClient(ClientMixin):
    """The API of `django.test.Client`, served by the project's ASGI application on an event loop of its own.

    `get`, `post` and so on are for sync tests, `aget`, `apost` and so on for asynchronous ones. As under a
    real server, each request has a thread of its own for sync code, and with it connections of its own. The
    test needs a database without a transaction around it: `@pytest.mark.django_db(transaction=True)`.
    """

    def __init__(self, loop: Loop, **options: Any) -> None:
        self._loop = loop
        self._browser = _Browser(self, **options)

    def new(self, **options: Any) -> Self:
        """Make another client, with cookies of its own, from the options of `django.test.AsyncClient`."""
        return type(self)(self._loop, **options)

    @property
    def cookies(self) -> SimpleCookie:
        """The cookies, which login helpers and responses set."""
        return self._browser.cookies

    @cookies.setter
    def cookies(self, cookies: SimpleCookie) -> None:
        self._browser.cookies = cookies

    @property
    def extra(self) -> dict[str, Any] | None:
        """What the last request was given beside its arguments: Django's assertions give it again."""
        return self._browser.extra

    @property
    def headers(self) -> Mapping[str, Any] | None:
        """The headers that the last request was given."""
        return self._browser.headers

    @property
    def defaults(self) -> dict[str, Any]:
        """What is sent with every request."""
        return dict(self._browser.defaults)

    @property
    def raise_request_exception(self) -> bool:
        """Whether the error of a view is raised here, or answered as 500."""
        return self._browser.raise_request_exception

    @raise_request_exception.setter
    def raise_request_exception(self, raises: bool) -> None:
        self._browser.raise_request_exception = raises

    get = _now("get")
    post = _now("post")
    head = _now("head")
    options = _now("options")
    put = _now("put")
    patch = _now("patch")
    delete = _now("delete")
    trace = _now("trace")
    generic = _now("generic")

    aget = _later("get")
    apost = _later("post")
    ahead = _later("head")
    aoptions = _later("options")
    aput = _later("put")
    apatch = _later("patch")
    adelete = _later("delete")
    atrace = _later("trace")
    ageneric = _later("generic")

    def gather(self, requests: Iterable[str | Coroutine[Any, Any, Any]]) -> list[Any]:
        """Make requests at the same time and return their responses, in the order of the requests.

        A request is a path to get, or what `aget`, `apost` and so on return. Raises the error of the first
        that has one, after all have ended. In a coroutine, `asyncio.gather` does the same.
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
            # Each carries its error out, so that all come to their end.
            return await asyncio.gather(*(carried(call) for call in calls))

        return [landed(outcome) for outcome in self._loop.submit(all_of_them()).result()]

    def _require_sync(self) -> None:
        require_no_loop("asgi_client", "await its twin, as in asgi_client.aget()")
        require_committed("asgi_client")

    def _now(self, method: str, *args: Any, **kwargs: Any) -> Any:
        self._require_sync()
        sending = carried(getattr(self._browser, method), *args, **kwargs)
        return landed(self._loop.submit(sending).result())

    async def _later(self, method: str, *args: Any, **kwargs: Any) -> Any:
        sending = carried(getattr(self._browser, method), *args, **kwargs)
        return landed(await asyncio.wrap_future(self._loop.submit(sending)))


async def _await(sending: Coroutine[Any, Any, Any]) -> Any:
    return await sending


def application() -> Callable[..., Awaitable[None]]:
    """Load what ASGI_APPLICATION names; if it is Django's own, then anew, as settings may have changed."""
    named = getattr(settings, "ASGI_APPLICATION", None)
    found = import_string(named) if named else get_asgi_application()
    return type(found)() if isinstance(found, ASGIHandler) else found


@contextmanager
def serving() -> Iterator[AsgiClient]:
    """Serve requests until the end of a test, and leave neither a thread nor a connection."""
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
