"""What a failed assertNumQueries gains: what ran, and why its number may be another."""

from pathlib import Path

import pytest

from pytest_dbperf.probes.asserted_blocks import AssertedBlock, FailedAssertion
from pytest_dbperf.recording.recorder import Recorder
from pytest_dbperf.session.failed_assertions import text_of, title_of
from tests.factories import not_sent, query, site

VIEW = site("view", "/srv/app/views.py", 7)


def text_about(*events, counted=0, expected=0, verbose=False):
    """The lines about a block with these events."""
    recorder = Recorder()
    block = AssertedBlock(recorder, "default")
    with block:
        for event in events:
            own = getattr(event, "thread", "") == "MainThread" and hasattr(event, "thread_number")
            recorder.emit(event._replace(thread_number=block.thread_number) if own else event)
    block.counted_by_assertion = counted
    failed = FailedAssertion("assertNumQueries", expected, block)
    return text_of(failed, Path("/srv/app"), verbose=verbose).splitlines()


def test_the_title_names_the_assertion():
    """A test may have both kinds."""
    failed = FailedAssertion("assertNumQueries", 1, AssertedBlock(Recorder(), "default"))

    assert title_of(failed) == "dbperf: what ran in the block of assertNumQueries"


def test_groups_are_shown_with_their_lines_and_bookkeeping():
    """The assertion counts SAVEPOINT, too."""
    events = [query(path=[VIEW]), query(path=[VIEW]), query("SAVEPOINT x", path=[VIEW])]

    assert text_about(*events, counted=3) == [
        "3 queries",
        "",
        "    2x  SELECT %s   same parameters",
        "        views.py:7 view",
        "    1x  SAVEPOINT   transaction or session control, no query for budgets",
        "        views.py:7 view",
    ]


def test_an_empty_block_is_told():
    """The assertion expected queries, and none ran."""
    assert text_about(expected=2) == ["0 queries"]


@pytest.mark.parametrize(
    ("expected", "is_shown"), [(0, True), (1, True), (3, False), (None, True), ("some", True)]
)
def test_fixes_are_shown_unless_more_queries_were_expected(expected, is_shown):
    """A change that saves a query does not help then. A project may compare with an object of its own."""
    events = [query(is_sent_again=again) for again in (False, True)]
    lines = text_about(*events, counted=1, expected=expected)

    assert any("an execute_wrapper sent it again" in line for line in lines) == is_shown


def test_the_places_that_the_assertion_does_not_see_are_named():
    """It looks at one connection of one thread."""
    events = [
        query(),
        query(thread="worker"),
        query(thread="worker"),
        query(using="other"),
        query(using=None, thread="worker"),
        query(thread="another"),
    ]

    assert text_about(*events, counted=1)[-1] == (
        "  note  assertNumQueries counted 1: it does not see queries in thread worker, on other, "
        "on a connection without an alias in thread worker and 1 more"
    )


def test_a_connection_that_threads_share_is_seen():
    """The assertion has counted all that ran."""
    lines = text_about(query(), query(thread="worker"), counted=2)

    assert not any("note" in line for line in lines)


def test_what_was_counted_and_is_not_shown_is_told():
    """A pause leaves out queries that the assertion has counted."""
    assert text_about(query(), counted=3)[-1] == (
        "  note  assertNumQueries counted 3: 2 are not shown, as COPY, what was not sent, and what ran in "
        "dbperf.pause() are left out"
    )


@pytest.mark.parametrize(("events", "counted"), [([query()], 2), ([], 1)])
def test_a_statement_that_was_not_sent_is_told_once(events, counted):
    """The assertion counts calls of `execute()`."""
    notes = [line for line in text_about(*events, not_sent(), counted=counted) if "note" in line]

    assert len(notes) == 1
    assert "not sent" in notes[0]
