"""What do Django's test clients add to a response? The view's error, the templates, the URL match."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import partial
from typing import Any

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test.client import store_rendered_templates  # type: ignore[attr-defined]  # not in django-stubs
from django.test.signals import template_rendered
from django.urls import resolve
from django.utils.functional import SimpleLazyObject

from pytest_dbperf.probes.seam import Undo, WhileWanted, undo_all, wrap


class Exchange:
    """A request while it is served: Django's request object, the view's error, the rendered templates."""

    def __init__(self, *, enforce_csrf_checks: bool) -> None:
        self.enforce_csrf_checks = enforce_csrf_checks
        self.request: HttpRequest | None = None
        self.error: BaseException | None = None
        self.exc_info: Any = None
        self.rendered: dict[str, Any] = {}


# A context variable, since many requests can be served at once; asgiref copies it into their threads.
current_exchange: ContextVar[Exchange | None] = ContextVar("dbperf_exchange", default=None)


def _observe() -> Undo:
    got_request_exception.connect(_store_error)
    template_rendered.connect(_store_template)
    handlers = [wrap(each, "request_class", _around_request_class) for each in (WSGIHandler, ASGIHandler)]

    def disconnect() -> None:
        got_request_exception.disconnect(_store_error)
        template_rendered.disconnect(_store_template)

    return undo_all(disconnect, *handlers)


observed = WhileWanted(_observe)
"""While this is entered, Django's signals and request classes fill in the current exchange."""


def _store_error(**_: Any) -> None:
    if exchange := current_exchange.get():
        exchange.exc_info = sys.exc_info()
        exchange.error = sys.exception()


def _store_template(signal: Any, sender: Any, template: Any, context: Any, **_: Any) -> None:
    if exchange := current_exchange.get():
        store_rendered_templates(exchange.rendered, signal, sender, template, context)


def _around_request_class(original: Callable[..., HttpRequest]) -> Any:
    def make(*args: Any) -> Any:
        request: Any = original(*args)
        if exchange := current_exchange.get():
            exchange.request = request
            # As in Django's test clients, so that a test need not fetch a token first.
            request._dont_enforce_csrf_checks = not exchange.enforce_csrf_checks
        return request

    return staticmethod(make)


def complete(client: Any, response: Any, exchange: Exchange, request: dict[str, Any], path: str) -> Any:
    """Add to a response what Django's test clients add to theirs. Raises the view's error, as they do."""
    response.exc_info = exchange.exc_info
    if exchange.error is not None and client.raise_request_exception:
        raise exchange.error
    response.client = client
    response.request = request
    response.templates = exchange.rendered.get("templates", [])
    response.context = exchange.rendered.get("context")
    if response.context and len(response.context) == 1:
        response.context = response.context[0]
    response.json = partial(client._parse_json, response)
    urlconf = getattr(exchange.request, "urlconf", None)
    response.resolver_match = SimpleLazyObject(lambda: resolve(path, urlconf=urlconf))
    if response.cookies:
        client.cookies.update(response.cookies)
    return response


def response_from(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Any:
    """Make a response from its status, headers and body."""
    response: Any = HttpResponse(body)
    del response["Content-Type"]
    apply(response, status, headers)
    if "Location" in response:
        response.url = response["Location"]  # As in HttpResponseRedirect.
    return response


def apply(response: HttpResponseBase, status: int, headers: Iterable[tuple[str, str]]) -> None:
    """Set status and headers of a response: code around Django's application may have changed them."""
    response.status_code = status
    for name, value in headers:
        if name.lower() != "set-cookie":
            response[name] = value
        elif value.partition("=")[0] not in response.cookies:
            response.cookies.load(value)
