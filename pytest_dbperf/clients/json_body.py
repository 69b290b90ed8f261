"""How is JSON sent? With the argument `json` of the methods that have a body."""

from __future__ import annotations

import functools
from collections.abc import Callable
from json import dumps
from typing import Any

_CONTENT_TYPE = "application/json"


def with_json(method: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument `json` to a method of one of Django's test clients."""

    @functools.wraps(method)
    def send(self: Any, path: str, *args: Any, json: Any = None, **kwargs: Any) -> Any:
        if json is None:
            return method(self, path, *args, **kwargs)
        if args or not kwargs.keys().isdisjoint(("data", "content_type")):
            raise TypeError("a request has one body: pass json, or data and content_type")
        body = dumps(json, cls=self.json_encoder)
        return method(self, path, body, _CONTENT_TYPE, **kwargs)

    return send
