"""Advice about hops is proven by the hops, or it is not given."""

import functools
from pathlib import Path

import django
import pytest

from pytest_dbperf.budgets.max_thread_hops import MaxThreadHops
from pytest_dbperf.budgets.no_sync_to_async import NoSyncToAsync
from pytest_dbperf.callsites.shown import describe_by_function
from pytest_dbperf.diagnosis.hops import chains, hints_on_hops, hints_on_your_hops, hopping_twin_of
from tests.factories import hop, hop_ended, query, recording, request, site
from tests.unit.callsites.test_callsite import imported_from

ROOT = Path("/srv/app")
VIEW = site("view", "/srv/app/views.py", 7)
OTHER = site("other", "/srv/app/views.py", 9)
TEST = site("test", "/srv/app/tests.py", 3)


def written(hints):
    """Hints as a reader sees them."""
    return [
        f"{hint.label} {': '.join((hint.text, *describe_by_function(hint.sites, ROOT)))}" for hint in hints
    ]


def numbers_of(hops):
    """The chains, as numbers of hops."""
    return [[hop.number for hop in chain] for chain in chains(hops)]


def of_orm(number, follows=0, **how):
    """A hop of the ORM."""
    return hop(
        "QuerySet.get", number=number, follows=follows, origin="django", part="orm", path=[VIEW], **how
    )


def test_hops_of_one_coroutine_that_follow_each_other_are_a_chain():
    """Hops of your code and of the ORM, each with one query at most."""
    yours = hop(number=2, follows=1, path=[VIEW])

    assert numbers_of([of_orm(1), yours, of_orm(3, 2)]) == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("why", "between"),
    [
        ("something else was waited for", hop(number=2, path=[VIEW])),
        ("it is of another coroutine", hop(number=2, follows=1, path=[OTHER])),
        ("it is of another call", hop(number=2, follows=1, path=[VIEW, TEST])),
        ("it is a batch already", hop(number=2, follows=1, path=[VIEW])._replace(queries=2)),
        ("nobody knows where it is from", hop(number=2, follows=1)),
        ("it may run in any thread", hop(number=2, follows=1, path=[VIEW], is_thread_sensitive=False)),
        (
            "it is not asgiref's",
            hop(number=2, follows=1, path=[VIEW], via="executor", is_thread_sensitive=None),
        ),
        ("a middleware made it", hop(number=2, follows=1, path=[VIEW], origin="django", part="middleware:A")),
    ],
)
def test_a_chain_ends_where_it_could_not_be_one_hop(why, between):
    """Only hops that could be one are a chain."""
    assert numbers_of([of_orm(1), between]) == []


def test_a_chain_is_not_lost_when_another_coroutine_goes_on():
    """The caller of the first coroutine may hop right after it."""
    after = hop(number=3, follows=2, path=[OTHER])

    assert numbers_of([of_orm(1), of_orm(2, 1), after]) == [[1, 2]]


def test_chains_of_different_lengths_are_told_apart():
    """A loop may run twice, and later three times."""
    two, three = [of_orm(1), of_orm(2, 1)], [of_orm(5), of_orm(6, 5), of_orm(7, 6)]

    assert written(hints_on_your_hops(two + three)) == [
        "fix make these calls in one sync_to_async function, 3 -> 1 hops: views.py:7 view",
        "fix make these calls in one sync_to_async function, 2 -> 1 hops: views.py:7 view",
    ]


def test_a_chain_is_told_with_its_lines_and_how_often_it_came():
    """The longest comes first, and there are two at most."""
    twice = [of_orm(1), of_orm(2, 1), of_orm(5), of_orm(6, 5)]

    assert written(hints_on_your_hops(twice)) == [
        "fix make these calls in one sync_to_async function, 2 -> 1 hops (2 times): views.py:7 view"
    ]
    assert written(hints_on_your_hops(twice[:2])) == [
        "fix make these calls in one sync_to_async function, 2 -> 1 hops: views.py:7 view"
    ]


def test_several_queries_in_one_hop_pay_off():
    """A batch is confirmed once for each line, and only in your code."""
    batch = hop("load", path=[VIEW])._replace(queries=3)
    of_django = hop("QuerySet.get", origin="django", part="orm", path=[VIEW])._replace(queries=3)

    assert written(hints_on_your_hops([batch, batch, of_django])) == [
        "note load runs 3 queries in one hop, cheaper than 3 hops: views.py:7 view"
    ]
    places = [hop(path=[site(name, "/srv/app/a.py")])._replace(queries=2) for name in "abc"]
    assert len(hints_on_your_hops(places)) == 2


SOURCE = """
async def aget(self):
    return sync_to_async(self.get)

async def asave(self):
    return self.save()

async def aload(self):
    return sync_to_async(self.other)
"""
OF_DJANGO = imported_from(str(Path(django.__file__).parent / "db" / "models" / "made_up.py"), SOURCE)


class Base:
    """A class with asynchronous twins."""

    aget = OF_DJANGO.aget
    asave = OF_DJANGO.asave
    aload = OF_DJANGO.aload
    aclear = 1

    async def atouch(self):
        """Hop, and who knows what else."""
        return sync_to_async(self.touch)  # noqa: F821  # as Django has it

    @functools.wraps(OF_DJANGO.aget)
    def aget_of_manager(self):
        """Forward, as a manager does to its queryset."""


class Owner(Base):
    """A class that inherits them."""


class Manager(Base):
    """A class that forwards."""

    aget = Base.aget_of_manager


def test_a_twin_is_named_once_and_says_that_it_hops_too():
    """`aget` is no faster than `sync_to_async(get)`."""
    hops = [hop("Base.get", owner=Owner), hop("Base.get", owner=Manager)]

    assert written(hints_on_your_hops(hops)) == [
        "note aget() is shorter than sync_to_async(Base.get), but it hops too: no faster",
    ]
    assert hopping_twin_of(hops[1]) == "aget"


@pytest.mark.parametrize(
    "one",
    [
        hop("Base.save", owner=Owner),  # It does not hop, and so it may block.
        hop("Base.load", owner=Owner),  # It sends something else.
        hop("Base.touch", owner=Owner),  # It is not Django's.
        hop("Base.clear", owner=Owner),
        hop("Base.delete", owner=Owner),
        hop("get"),
        hop("Base.get", owner=Owner, origin="django"),
        hop("Base.get", owner=Owner, via="executor"),
    ],
)
def test_a_twin_that_is_not_known_to_hop_is_not_offered(one):
    """acheck_password() of Django 5.2 does not hop: it blocks the loop."""
    assert hopping_twin_of(one) is None


def switch(number, name, request, via="sync_to_async", within=0, others_adapt=True):
    """An adapter for a middleware that cannot run as the stack does."""
    decided = {"origin": "django", "part": f"middleware:{name}", "others_adapt": others_adapt}
    return hop("inner", number=number, via=via, within=within, request=request, **decided)


def test_a_middleware_is_told_once_however_many_requests_there_were():
    """Two middlewares are shown at most."""
    hops = []
    for number, name in enumerate("ABCA", 1):
        served = request(number)
        hops += [
            switch(10 * number, name, served),
            switch(10 * number + 1, name, served, "async_to_sync", 10 * number),
        ]

    assert written(hints_on_hops(hops)) == [
        "why middleware A is sync-only in an async stack: 2 hops for each request",
        "why middleware B is sync-only in an async stack: 2 hops for each request",
    ]


def test_where_to_move_a_middleware_is_told_if_all_others_run_in_both_modes():
    """With a second such middleware, moving one might save nothing."""
    served = request(1)
    process = hop("A.process_request", number=9, origin="django", part="middleware:A", request=served)
    view = hop("B.process_view", number=8, origin="django", part="middleware:B", request=served)
    one = [switch(1, "S", served), switch(2, "S", served, "async_to_sync", 1)]
    stubborn = [
        switch(3, "T", served, others_adapt=False),
        switch(4, "T", served, "async_to_sync", 3, others_adapt=False),
    ]

    assert written(hints_on_hops([*one, process, view]))[1:] == [
        "fix move S to the end of MIDDLEWARE, below A: 4 -> 3 hops"
    ]
    assert [line.split()[0] for line in written(hints_on_hops([*stubborn, process]))] == ["why"]


def test_waits_of_less_than_a_millisecond_are_not_told():
    """A thread takes a moment to wake up."""

    def waiting(seconds):
        window = recording(
            *(hop(number=1), hop(number=2)), hop_ended(1, seconds=seconds), hop_ended(2, started=seconds)
        )
        return written(hints_on_your_hops(window.hops))

    assert waiting(0.0009) == []
    assert waiting(0.0251) == ["why hops waited 25 ms for each other: a thread runs one at a time"]


def test_hops_that_a_budget_does_not_count_are_in_the_queue():
    """A hop of yours waits for Django's hops in the same thread."""
    yours, of_django = hop(number=2), hop("QuerySet.get", number=1, origin="django", part="orm")
    window = recording(yours, of_django, hop_ended(1, seconds=0.025), hop_ended(2, started=0.025))
    queue = "hops waited 25 ms for each other: a thread runs one at a time"

    assert queue in [hint.text for hint in NoSyncToAsync().check(window).advice]
    mine = [each for each in window.hops if each.origin == "project"]
    assert written(hints_on_your_hops(mine)) == []
    assert written(hints_on_your_hops(mine, window.hops)) == [f"why {queue}"]


def test_the_hops_of_other_requests_are_in_the_queue():
    """`per_request` counts those of one request, which wait for the others."""
    first, second = request(1), request(2)
    window = recording(
        hop(number=1, request=first),
        *(hop(number=number, request=second) for number in (2, 3)),
        *(hop_ended(number, started=(number - 1) * 0.02, seconds=0.02) for number in (1, 2, 3)),
    )

    advice = MaxThreadHops(1, per_request=True).check(window).advice

    assert "hops waited 60 ms for each other: a thread runs one at a time" in [hint.text for hint in advice]


def test_queries_make_a_batch():
    """Queries belong to the hop with the number in their cause."""
    window = recording(hop(path=[VIEW]), *[query()._replace(cause=hop(within=1).cause)] * 2, hop_ended())

    assert written(hints_on_your_hops(window.hops)) == [
        "note load runs 2 queries in one hop, cheaper than 2 hops: views.py:7 view"
    ]
