"""Why were connections opened, and which setting would open fewer?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from pytest_dbperf.recording.connections import Checkout, NewConnection, Why
from pytest_dbperf.recording.groups import groups_of_checkouts, groups_of_connections
from pytest_dbperf.violations.violation import Evidence, Hint

# min_size is 4, and max_size the same unless given: https://www.psycopg.org/psycopg3/docs/api/pool.html
POOL_SIZE = 4

# "When using ASGI, persistent connections should be disabled. Instead, use your database backend's built-in
# connection pooling": https://docs.djangoproject.com/en/6.1/ref/databases/#persistent-connections
_PER_REQUEST = (
    "under ASGI each request runs in its own thread and opens its own connection, whatever CONN_MAX_AGE is"
)


def hints_on_connections(opened: Sequence[NewConnection]) -> tuple[Hint, ...]:
    """Tell why connections were opened, and which setting would have opened fewer, with both numbers."""
    by_alias: dict[str | None, list[NewConnection]] = {}
    for new in opened:
        by_alias.setdefault(new.using, []).append(new)
    return tuple(hint for alias, mine in by_alias.items() for hint in _hints_on_alias(alias, mine))


def _hints_on_alias(alias: str | None, opened: Sequence[NewConnection]) -> Iterator[Hint]:
    count = len(opened)
    reasons = Counter(new.why for new in opened)
    if reasons[Why.OUT_OF_AGE]:
        yield _setting('"CONN_MAX_AGE": 600', alias, count, count - reasons[Why.OUT_OF_AGE])
    if reasons[Why.FIRST_IN_REQUEST] > 1:
        yield Hint("why", _PER_REQUEST)
        fewer = count - reasons[Why.FIRST_IN_REQUEST] + POOL_SIZE
        if fewer < count and all(new.driver == "psycopg" for new in opened):
            pool = '"CONN_MAX_AGE": 0, "OPTIONS": {"pool": True} (psycopg[pool])'
            yield _setting(pool, alias, count, fewer)
    threads = {new.thread_number for new in opened if new.why is Why.FIRST_IN_THREAD}
    if len(threads) > 1:
        yield Hint("why", f"{len(threads)} threads: Django opens a connection for each")
    if reasons[Why.POOL]:
        yield Hint("why", "a pool opens min_size connections at once, and up to max_size while requests wait")
    if reasons[Why.UNUSABLE]:
        yield Hint(
            "why",
            "the server closed the one before, and a query failed on it; CONN_HEALTH_CHECKS avoids that",
        )


def _setting(setting: str, alias: str | None, count: int, fewer: int) -> Hint:
    return Hint("fix", f"set {setting} in DATABASES[{alias!r}]: {count} -> {fewer} connections")


_BECAUSE = {
    Why.FIRST_IN_THREAD: "the thread was started by",
    Why.CLOSED: "the one before was closed by",
    Why.UNUSABLE: "the one before was closed by",
}


def evidence_of_connections(
    opened: Sequence[NewConnection], note: Callable[[NewConnection], str]
) -> tuple[Evidence, ...]:
    """Show connections in groups: how many, opened where, how fast, in which threads, with a note."""
    return tuple(_evidence_of_group(group, note(group[0])) for group in groups_of_connections(opened, note))


def _evidence_of_group(group: Sequence[NewConnection], note: str) -> Evidence:
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
                    _listed("thread", {new.thread_number: new.thread for new in group}),
                    _listed(
                        "backend", {new.backend_pid: new.backend_pid for new in group if new.backend_pid}
                    ),
                ),
            )
        ),
        first.call_path,
        note,
        because=because if first.because_of else "",
        because_of=first.because_of,
    )


def evidence_of_checkouts(taken: Sequence[Checkout], note: Callable[[Checkout], str]) -> tuple[Evidence, ...]:
    """Show connections from pools in groups: how many, taken where, in which threads, with a note."""
    return tuple(_evidence_of_taken(group, note(group[0])) for group in groups_of_checkouts(taken, note))


def _evidence_of_taken(group: Sequence[Checkout], note: str) -> Evidence:
    first = group[0]
    threads = _listed("thread", {each.thread_number: each.thread for each in group})
    is_elsewhere = first.because_of not in ((), first.call_path)
    return Evidence(
        len(group),
        f"{first.using or 'psycopg'} from its pool, {threads}",
        first.call_path,
        note,
        because=_BECAUSE[Why.FIRST_IN_THREAD] if is_elsewhere else "",
        because_of=first.because_of,
    )


def _time(seconds: Sequence[float]) -> str:
    if not seconds:
        return ""
    typical = sorted(seconds)[len(seconds) // 2] * 1000
    return f"{typical:.1f} ms" + (" each" if len(seconds) > 1 else "")


def _listed(what: str, names: Mapping[int, object]) -> str:
    """List what connections have in common or differ in. Different threads may have the same name."""
    if not names:
        return ""
    listed = " ".join(map(str, names.values()))
    return f"{what} {listed}" if len(names) == 1 else f"{len(names)} {what}s: {listed}"
