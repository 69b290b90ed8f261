"""How do tests send requests to a server, as a client of the service would?"""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

PATIENCE = 120
"""Seconds that an answer may take, on a machine that is busy with other things."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The response, whatever its status."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


def get(url: str) -> Answer:
    """Send a GET on a new connection."""
    return _send(Request(url))


def post(url: str, payload: Any = None, headers: dict[str, str] | None = None) -> Answer:
    """Send JSON on a new connection."""
    typed = {"Content-Type": "application/json", **(headers or {})}
    return _send(Request(url, json.dumps(payload).encode(), typed))


def get_often(url: str, *, times: int, at_once: int = 6) -> list[int]:
    """Send so many requests, several at once, and return the statuses."""
    with ThreadPoolExecutor(at_once) as threads:
        return [answer.status for answer in threads.map(get, [url] * times)]


def _send(request: Request) -> Answer:
    try:
        with urlopen(request, timeout=PATIENCE) as response:
            return Answer(response.status, response.headers, response.read())
    except HTTPError as refused:
        with refused:
            return Answer(refused.code, refused.headers, refused.read())
