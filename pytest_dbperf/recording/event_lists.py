"""Which lists and numbers does a recording offer? Queries, connections, hops, requests and others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, TypeVar, get_args

from pytest_dbperf.recording.blocking_calls import BlockingCall
from pytest_dbperf.recording.cause import HasCause, Request
from pytest_dbperf.recording.compaction import expanded
from pytest_dbperf.recording.connections import Checkout, ConnectionClosed, ConnectionReturned, NewConnection
from pytest_dbperf.recording.events import DriverQuery, Event, Hop, NotSent, Query, Response
from pytest_dbperf.recording.hops import completed, seconds_in_queues
from pytest_dbperf.sql.fingerprint import is_bookkeeping

AnyEvent = TypeVar("AnyEvent", bound=HasCause)

_TYPES = frozenset((*get_args(Event), DriverQuery))


def reuse(new_connections: int, uses: int) -> float | None:
    """Return the fraction of uses that needed no new connection, None if there were no uses."""
    return round(max(0.0, 1 - new_connections / uses), 3) if uses else None


class EventLists(ABC):
    """What can be read from a recording. Each property searches its events anew."""

    open_at_start: int

    @abstractmethod
    def of_types(self, event_types: AbstractSet[type]) -> list[Any]:
        """The events of exactly these types, in the order in which they ended."""

    @property
    def events(self) -> list[Event]:
        """All events, bookkeeping included, in the order in which they ended."""
        return self.of_types(_TYPES)

    def of_type(self, event_type: type[AnyEvent]) -> list[AnyEvent]:
        """The events of one type, also of a type that the probe of another plugin emits."""
        return self.of_types({event_type, *event_type.__subclasses__()})

    @property
    def statements(self) -> list[Query]:
        """All statements, bookkeeping included."""
        return self.of_type(Query)

    def each_statement(self) -> Iterator[Query]:
        """All statements, each with its own start, duration and parameters, even in a compacted recording."""
        return expanded(self.statements)

    @property
    def queries(self) -> list[Query]:
        """The statements that count, which are all but transaction and session control.

        One call of `executemany` is one statement.
        """
        return [query for query in self.statements if not is_bookkeeping(query.sql)]

    @property
    def bookkeeping(self) -> list[Query]:
        """BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, SET, SHOW, PRAGMA."""
        return [query for query in self.statements if is_bookkeeping(query.sql)]

    @property
    def not_sent(self) -> list[NotSent]:
        """The statements that were executed but not sent, bookkeeping included."""
        return self.of_type(NotSent)

    @property
    def new_connections(self) -> list[NewConnection]:
        """The physical connections that were opened."""
        return self.of_type(NewConnection)

    @property
    def closed_connections(self) -> list[ConnectionClosed]:
        """The physical connections that were closed, also by the garbage collector."""
        return self.of_type(ConnectionClosed)

    @property
    def leaked_connections(self) -> list[NewConnection]:
        """The connections that were opened and not closed, or that only the garbage collector closed.

        Connections that a pool or a thread keeps open on purpose are not in this list.
        """
        closed = {event.number for event in self.closed_connections if not event.dropped}
        return [new for new in self.new_connections if not new.is_kept and new.number not in closed]

    @property
    def checkouts(self) -> list[Checkout]:
        """The connections that Django took from a pool."""
        return [taken for taken in self.of_type(Checkout) if taken.using is not None]

    @property
    def unreturned_checkouts(self) -> list[Checkout]:
        """The connections that were taken from a pool, also without Django, and not given back to it.

        Connections that a thread keeps on purpose are not in this list.
        """
        returned = {event.number for event in self.of_type(ConnectionReturned)}
        taken = self.of_type(Checkout)
        return [each for each in taken if not each.is_kept and each.number not in returned]

    @property
    def hops(self) -> list[Hop]:
        """The hops between event loops and threads, of every origin, each with its outcome so far."""
        # A synchronous test may have a million events and no hop.
        return completed(self.events) if self.of_type(Hop) else []

    @property
    def blocking_calls(self) -> list[BlockingCall]:
        """The synchronous calls that blocked an event loop."""
        return self.of_type(BlockingCall)

    @property
    def seconds_in_queues(self) -> float:
        """The sum of the seconds that hops waited while their thread was busy with other hops."""
        return seconds_in_queues(self.hops)

    @property
    def requests(self) -> list[Request]:
        """The requests that Django's handler received."""
        return self.of_type(Request)

    @property
    def responses(self) -> list[Response]:
        """The ends of requests, with view, status and seconds."""
        return self.of_type(Response)

    @property
    def peak_connections(self) -> int:
        """The most physical connections that were open at once, including those opened before the window."""
        changes: list[NewConnection | ConnectionClosed] = self.of_types({NewConnection, ConnectionClosed})
        return max([self.open_at_start, *(change.open_now for change in changes)])

    @property
    def reuse(self) -> float | None:
        """The fraction of checkouts, or else requests, that needed no new connection; None without any."""
        return reuse(len(self.new_connections), len(self.checkouts) or len(self.requests))

    @property
    def seconds(self) -> float:
        """The seconds that all statements took in the driver, bookkeeping included."""
        return sum(query.seconds for query in self.statements)
