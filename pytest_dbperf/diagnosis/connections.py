"""Why were connections opened, and what would open fewer?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from pytest_dbperf.recording.events import NewConnection, Why
from pytest_dbperf.recording.groups import groups_of_connections
from pytest_dbperf.violations.violation import Evidence

# min_size is 4, and max_size the same unless given: https://www.psycopg.org/psycopg3/docs/api/pool.html
POOL_SIZE = 4

# "When using ASGI, persistent connections should be disabled. Instead, use your database backend's built-in
# connection pooling": https://docs.djangoproject.com/en/6.1/ref/databases/#persistent-connections
_PER_REQUEST = "under ASGI every request has its own thread, and so its own connection, at any CONN_MAX_AGE"


def advice_on(opened: Sequence[NewConnection]) -> tuple[str, ...]:
    """Tell why connections were opened, and the setting that would have opened fewer, with both numbers."""
    by_alias: dict[str | None, list[NewConnection]] = {}
    for new in opened:
        by_alias.setdefault(new.using, []).append(new)
    return tuple(line for alias, mine in by_alias.items() for line in _advice(alias, mine))


def _advice(alias: str | None, opened: Sequence[NewConnection]) -> Iterator[str]:
    count = len(opened)
    reasons = Counter(new.why for new in opened)
    if reasons[Why.OUT_OF_AGE]:
        yield _fix('"CONN_MAX_AGE": 600', alias, count, count - reasons[Why.OUT_OF_AGE])
    if reasons[Why.FIRST_IN_REQUEST] > 1:
        yield f"why  {_PER_REQUEST}"
        fewer = count - reasons[Why.FIRST_IN_REQUEST] + POOL_SIZE
        if fewer < count and all(new.driver == "psycopg" for new in opened):
            pool = '"CONN_MAX_AGE": 0, "OPTIONS": {"pool": True} (psycopg[pool])'
            yield _fix(pool, alias, count, fewer)
    threads = {new.thread for new in opened if new.why is Why.FIRST_IN_THREAD}
    if len(threads) > 1:
        yield f"why  {len(threads)} threads: Django keeps a connection for each"
    if reasons[Why.POOL]:
        yield "why  a pool opens min_size connections at once, and up to max_size while requests wait"
    if reasons[Why.UNUSABLE]:
        yield "why  the server had ended it, which a request noticed; CONN_HEALTH_CHECKS notices before"


def _fix(setting: str, alias: str | None, count: int, fewer: int) -> str:
    return f"fix  {setting} in DATABASES[{alias!r}]   {count} -> {fewer}"


_BECAUSE = {
    Why.FIRST_IN_THREAD: "the thread was started by",
    Why.CLOSED: "the one before was closed by",
    Why.UNUSABLE: "the one before was closed by",
}


def evidence_of(
    opened: Sequence[NewConnection], remark: Callable[[NewConnection], str]
) -> tuple[Evidence, ...]:
    """Show connections in groups: how many from where, in how long, in which threads, with a remark."""
    return tuple(_evidence(group, remark(group[0])) for group in groups_of_connections(opened, remark))


def _evidence(group: Sequence[NewConnection], remark: str) -> Evidence:
    first = group[0]
    because = _BECAUSE.get(first.why, "") if first.because_of != first.call_path else ""
    return Evidence(
        len(group),
        ", ".join(
            filter(
                None,
                (
                    first.using or f"{first.driver} without a Django alias",
                    _time([new.seconds for new in group if new.seconds is not None]),
                    _listed("thread", [new.thread for new in group]),
                    _listed("backend", [str(new.backend_pid) for new in group if new.backend_pid]),
                ),
            )
        ),
        first.call_path,
        remark,
        because=because if first.because_of else "",
        because_of=first.because_of,
    )


def _time(seconds: Sequence[float]) -> str:
    if not seconds:
        return ""
    typical = sorted(seconds)[len(seconds) // 2] * 1000
    return f"{typical:.1f} ms" + (" each" if len(seconds) > 1 else "")


def _listed(what: str, names: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(names))
    if not distinct:
        return ""
    return f"{what} {distinct[0]}" if len(distinct) == 1 else f"{len(distinct)} {what}s: {' '.join(distinct)}"
