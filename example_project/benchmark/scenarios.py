"""How can the service be served, and which requests are sent?"""

from dataclasses import dataclass
from itertools import cycle
from typing import Self

USUAL_WORKERS = 2
NEAR = 20
"""Kilometres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """The settings of a gunicorn and of its database connections."""

    interface: str
    conn_max_age: int = 0
    pool: int = 0
    """Connections that a worker keeps at most; 0 means no pool."""
    workers: int = USUAL_WORKERS
    has_pgbouncer: bool = False
    """Whether the service connects to PgBouncer, in transaction mode."""
    has_redis: bool = False
    """Whether the cache is in Redis; otherwise each worker has its own."""

    def __str__(self) -> str:
        kept = f"pool of {self.pool}" if self.pool else f"`CONN_MAX_AGE={self.conn_max_age}`"
        more = [
            f", {self.workers} workers" if self.workers != USUAL_WORKERS else "",
            ", PgBouncer" if self.has_pgbouncer else "",
            ", Redis" if self.has_redis else "",
        ]
        return f"{self.interface.upper()}, {kept}{''.join(more)}"

    @property
    def programs(self) -> tuple[str, ...]:
        """The programs that it needs besides Python and PostgreSQL; Debian's packages have the same names."""
        needed = {"pgbouncer": self.has_pgbouncer, "redis-server": self.has_redis}
        return tuple(program for program, is_needed in needed.items() if is_needed)

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables of the service."""
        return {"DB_CONN_MAX_AGE": str(self.conn_max_age), "DB_POOL": str(self.pool)}

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of gunicorn; a worker for ASGI starts its own threads."""
        return ("--workers", str(self.workers), "--threads", "4" if self.interface == "wsgi" else "1")


@dataclass(frozen=True, slots=True)
class Session:
    """A user who is logged in."""

    nickname: str
    token: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the requests can ask for."""

    sessions: tuple[Session, ...]
    positions: tuple[tuple[float, float], ...]
    """Positions of campaigns, in degrees north and east."""


@dataclass(frozen=True, slots=True)
class Request:
    """The request that a client sends."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Question:
    """A request with placeholders, filled in anew for each one."""

    method: str
    path: str
    """May have `{offset}`, `{place}` (always the same place) and `{new_place}` (a new place each time)."""
    is_signed_in: bool = False
    body: str = ""
    """May have `%(nickname)s`, the user's own."""

    def request(self, number: int, known: Known) -> Request:
        """Fill in the placeholders for the request of this number."""
        session = known.sessions[number % len(known.sessions)]
        # The cache treats a larger radius as another place.
        farther, index = divmod(number, len(known.positions))
        path = self.path.format(
            offset=number % 40 * 20,
            place=_circle(known.positions[0], NEAR),
            new_place=_circle(known.positions[index], NEAR + farther),
        )
        headers = {"Authorization": f"Bearer {session.token}"} if self.is_signed_in else {}
        if not self.body:
            return Request(self.method, path, headers, None)
        body = (self.body % {"nickname": session.nickname}).encode()
        return Request(self.method, path, {**headers, "Content-Type": "application/json"}, body)


def _circle(middle: tuple[float, float], radius_km: int) -> str:
    latitude, longitude = middle
    return f"latitude={latitude}&longitude={longitude}&radius_km={radius_km}"


@dataclass(frozen=True, slots=True)
class Mix:
    """Questions that are asked in turn, under their name in the table."""

    name: str
    questions: tuple[Question, ...]

    def requests(self, first: int, count: int, known: Known) -> list[Request]:
        """Return requests, starting with the first question; numbers from `first` on fill in placeholders."""
        return [
            question.request(number, known)
            for number, question in zip(range(first, first + count), cycle(self.questions), strict=False)
        ]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: the settings, the questions, and the row to compare with."""

    serving: Serving
    mix: Mix
    against: Self | None = None
