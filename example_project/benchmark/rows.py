"""Which rows does the table have? One for each claim of the report, not every setting with every code."""

import os

from benchmark.scenarios import Mix, Question, Row, Serving

WSGI = Serving(interface="wsgi")
WSGI_KEEPING = Serving(interface="wsgi", conn_max_age=600)
ASGI = Serving(interface="asgi")
ASGI_KEEPING = Serving(interface="asgi", conn_max_age=600)
ASGI_POOL = Serving(interface="asgi", pool=8)
# The report's 2 * CPU + 1, at most 8, as gunicorn.conf.py has it.
MORE_WORKERS = Serving(interface="asgi", pool=8, workers=min(2 * (os.cpu_count() or 1) + 1, 8))
BEHIND_PGBOUNCER = Serving(interface="asgi", has_pgbouncer=True)
WITH_REDIS = Serving(interface="asgi", pool=8, has_redis=True)


def _profile(users: str) -> Question:
    """Read one's own profile."""
    return Question("GET", f"/api/{users}/me", is_signed_in=True)


def _change(users: str) -> Question:
    """Change one's profile to the same values: three ORM calls, including the session's."""
    body = '{"nickname": "%(nickname)s"}'
    return Question("PATCH", f"/api/{users}/me", is_signed_in=True, body=body)


def _page(campaigns: str) -> Question:
    """Read twenty campaigns."""
    return Question("GET", f"/api/{campaigns}/?limit=20&offset={{offset}}")


def _nearby(campaigns: str, place: str = "{place}") -> Question:
    """Find the twenty campaigns nearest to a place: always the same place, or always a new one."""
    return Question("GET", f"/api/{campaigns}/nearby?{place}&limit=20")


def _whole(name: str, users: str, campaigns: str) -> Mix:
    """A mix of all requests."""
    asked = (_profile(users), _change(users), _page(campaigns), _nearby(campaigns))
    return Mix(f"all of it, {name}", asked)


CHANGE = Mix("change a profile", (_change("users"),))
CHANGE_CONVERTED = Mix("change a profile, `sync_to_async` each", (_change("before/users"),))
CHANGE_IN_ONE_HOP = Mix("change a profile, one hop", (_change("one-hop/users"),))
PAGE = Mix("a page of campaigns", (_page("campaigns"),))
PAGE_ROW_BY_ROW = Mix("a page of campaigns, N+1", (_page("before/campaigns"),))
NEARBY = Mix("campaigns nearby, a new place", (_nearby("campaigns", "{new_place}"),))
NEARBY_IN_CACHE = Mix("campaigns nearby, the same place", (_nearby("campaigns"),))
NEARBY_EVERY_ROW = Mix("campaigns nearby, a new place, before", (_nearby("before/campaigns", "{new_place}"),))

WSGI_CLOSED = Row(WSGI, CHANGE)
WSGI_KEPT = Row(WSGI_KEEPING, CHANGE, against=WSGI_CLOSED)
ASGI_CLOSED = Row(ASGI, CHANGE)
ASGI_KEPT = Row(ASGI_KEEPING, CHANGE, against=ASGI_CLOSED)
ASGI_POOLED = Row(ASGI_POOL, CHANGE, against=ASGI_CLOSED)
PGBOUNCER = Row(BEHIND_PGBOUNCER, CHANGE, against=ASGI_CLOSED)
MANY_WORKERS = Row(MORE_WORKERS, CHANGE, against=ASGI_POOLED)
CONVERTED = Row(ASGI_POOL, CHANGE_CONVERTED, against=ASGI_POOLED)
ONE_HOP = Row(ASGI_POOL, CHANGE_IN_ONE_HOP, against=ASGI_POOLED)
PAGE_BEFORE = Row(ASGI_POOL, PAGE_ROW_BY_ROW)
PAGE_AFTER = Row(ASGI_POOL, PAGE, against=PAGE_BEFORE)
NEARBY_BEFORE = Row(ASGI_POOL, NEARBY_EVERY_ROW)
NEARBY_AFTER = Row(ASGI_POOL, NEARBY, against=NEARBY_BEFORE)
NEARBY_CACHED = Row(ASGI_POOL, NEARBY_IN_CACHE, against=NEARBY_AFTER)
NEARBY_IN_REDIS = Row(WITH_REDIS, NEARBY_IN_CACHE, against=NEARBY_CACHED)
ALL_BEFORE = Row(ASGI, _whole("before", "before/users", "before/campaigns"))
# The report changes connections and hops. It only recommends to look at queries.
ALL_AS_REPORTED = Row(ASGI_KEEPING, _whole("as reported", "users", "before/campaigns"), against=ALL_BEFORE)
ALL_AFTER = Row(ASGI_POOL, _whole("after", "one-hop/users", "campaigns"), against=ALL_BEFORE)

ROWS = (
    WSGI_CLOSED,
    WSGI_KEPT,
    ASGI_CLOSED,
    ASGI_KEPT,
    ASGI_POOLED,
    PGBOUNCER,
    MANY_WORKERS,
    CONVERTED,
    ONE_HOP,
    PAGE_BEFORE,
    PAGE_AFTER,
    NEARBY_BEFORE,
    NEARBY_AFTER,
    NEARBY_CACHED,
    NEARBY_IN_REDIS,
    ALL_BEFORE,
    ALL_AS_REPORTED,
    ALL_AFTER,
)
