"""A relation has the name that each method wants, wherever its querysets are created."""

from pathlib import Path

import pytest
from django.db.models import FilteredRelation, Prefetch, Q, QuerySet

from pytest_dbperf.budgets.no_n_plus_one import NoNPlusOne
from pytest_dbperf.callsites.callsite import line_of
from pytest_dbperf.violations.text import explain
from shelf.models import Publisher, Volume, Writer
from shelf.relations import Badge, Draft, Fair, KeptQuerySet, Label, Seal, Slip, Stamp, Term, Ticket
from tests.repeats.table import Shelf
from tests.repeats.test_fixes import ROOT, fixes_in, promised, record

pytestmark = pytest.mark.django_db

ROWS = 2


@pytest.fixture(autouse=True)
def rows():
    """Two rows of each model, each related to rows of its own."""
    Shelf("default", ROWS)
    for writer, volume, publisher in zip(
        Writer.objects.all(), Volume.objects.all(), Publisher.objects.all(), strict=True
    ):
        Seal.objects.create(writer=writer, maker=publisher)
        fair, term, draft = Fair.objects.create(), Term.objects.create(), Draft.objects.create(writer=writer)
        Badge.objects.create(fair=fair, exhibitor=publisher)
        Badge.objects.create(fair=fair, visitor=publisher)
        term.synonyms.add(Term.objects.first())
        term.broader.add(term)
        draft.editors.add(writer)
        Stamp.objects.create(subject=draft)
        Label.objects.create(draft=draft)
        Ticket.objects.create(volume=volume, publisher=publisher)
        Slip.objects.create()


def case(relation, rows_of, read, *fixes):
    """A relation that is read for each row, and the fixes that are to be told."""
    return pytest.param(relation, rows_of, read, fixes, id=f"{relation} {' '.join(fixes)}")


NAMES = [
    case("Writer.signet", Writer.objects.all, lambda row: row.signet.pk, '.select_related("seal")'),
    case(
        "Seal.maker",
        Writer.objects.all,
        lambda row: row.signet.maker.name,
        '.select_related("seal__maker")',
    ),
    case(
        "Seal.maker",
        lambda: Writer.objects.select_related("seal"),
        lambda row: row.signet.maker.name,
        '.select_related("seal__maker")',
    ),
    case(
        "Writer.signet",
        Volume.objects.all,
        lambda row: row.writer.signet.pk,
        '.select_related("writer__seal")',
    ),
    case(
        "Publisher.volumes",
        Writer.objects.all,
        lambda row: list(row.signet.maker.volumes.all()),
        '.select_related("seal__maker")',
        '.prefetch_related("signet__maker__volumes")',
    ),
    case(
        "Publisher.seals",
        Publisher.objects.all,
        lambda row: list(row.seals.all()),
        '.prefetch_related("seals")',
    ),
    case(
        "Publisher.shown_at",
        Publisher.objects.all,
        lambda row: list(row.shown_at.all()),
        '.prefetch_related("shown_at")',
    ),
    case(
        "Publisher.been_to",
        Publisher.objects.all,
        lambda row: list(row.been_to.all()),
        '.prefetch_related("been_to")',
    ),
    case(
        "Publisher.been_to",
        Publisher.objects.all,
        lambda row: row.been_to.count(),
        '.prefetch_related("been_to")',
    ),
    case(
        "Fair.exhibitors",
        Fair.objects.all,
        lambda row: list(row.exhibitors.all()),
        '.prefetch_related("exhibitors")',
    ),
    case(
        "Fair.visitors",
        Fair.objects.all,
        lambda row: list(row.visitors.all()),
        '.prefetch_related("visitors")',
    ),
    case(
        "Publisher.been_to",
        Seal.objects.all,
        lambda row: list(row.maker.been_to.all()),
        '.prefetch_related("maker__been_to")',
        '.select_related("maker")',
    ),
    case(
        "Term.synonyms",
        Term.objects.all,
        lambda row: list(row.synonyms.all()),
        '.prefetch_related("synonyms")',
    ),
    case(
        "Term.broader", Term.objects.all, lambda row: list(row.broader.all()), '.prefetch_related("broader")'
    ),
    case(
        "Term.narrower",
        Term.objects.all,
        lambda row: list(row.narrower.all()),
        '.prefetch_related("narrower")',
    ),
    case(
        "Term.narrower", Term.objects.all, lambda row: row.narrower.exists(), '.prefetch_related("narrower")'
    ),
    case(
        "Term.derived", Term.objects.all, lambda row: list(row.derived.all()), '.prefetch_related("derived")'
    ),
    case(
        "Term.lent_to", Term.objects.all, lambda row: list(row.lent_to.all()), '.prefetch_related("lent_to")'
    ),
    case("Term.loans", Term.objects.all, lambda row: list(row.loans.all()), '.prefetch_related("loans")'),
    case(
        "Volume.genres",
        lambda: Publisher.objects.prefetch_related(Prefetch("volumes", to_attr="found")),
        lambda row: [list(volume.genres.all()) for volume in row.found],
        '.prefetch_related("found__genres")',
    ),
]

BORN = [
    case(
        "Writer.drafts", Writer.objects.all, lambda row: list(row.drafts.all()), '.prefetch_related("drafts")'
    ),
    case("Writer.drafts", Writer.objects.all, lambda row: row.drafts.count(), '.prefetch_related("drafts")'),
    case(
        "Writer.edited", Writer.objects.all, lambda row: list(row.edited.all()), '.prefetch_related("edited")'
    ),
    case("Draft.writer", Draft.objects.all, lambda row: row.writer.name, '.select_related("writer")'),
    case("Draft.writer", Draft.kept.kept, lambda row: row.writer.name, '.select_related("writer")'),
    case("Draft.writer", Draft.by_class.all, lambda row: row.writer.name, '.select_related("writer")'),
    case("Draft.writer", lambda: QuerySet(Draft), lambda row: row.writer.name, '.select_related("writer")'),
    case(
        "Draft.writer",
        lambda: KeptQuerySet(Draft).order_by("pk"),
        lambda row: row.writer.name,
        '.select_related("writer")',
    ),
    case(
        "Draft.editors",
        Draft.objects.all,
        lambda row: list(row.editors.all()),
        '.prefetch_related("editors")',
    ),
    case(
        "Draft.stamps", Draft.objects.all, lambda row: list(row.stamps.all()), '.prefetch_related("stamps")'
    ),
    case(
        "Draft.labels", Draft.objects.all, lambda row: list(row.labels.all()), '.prefetch_related("labels")'
    ),
]


def loop(found, read):
    """Read something of each row."""
    for row in found:
        read(row)


def told(recording):
    """The fixes and the text of a violation."""
    violation = NoNPlusOne().check(recording)
    return fixes_in(violation), "\n".join(explain([violation], ROOT, verbose=True))


@pytest.mark.parametrize("relation, rows_of, read, expected", [*NAMES, *BORN])
def test_the_name_can_be_written_and_keeps_its_promise(recorder, relation, rows_of, read, expected):
    """Two rows are enough: that a relation is loaded for them is certain."""
    unchanged = record(recorder, lambda found: loop(found, read), rows_of())
    fixes, text = told(unchanged)

    assert f"N+1: {relation} of {ROWS} rows" in text
    assert sorted(fix.text for fix in fixes) == sorted(expected)
    found = rows_of()
    for fix in fixes:
        found = eval(f"found{fix.text}")
    changed = record(recorder, lambda found: loop(found, read), found)
    assert promised(fixes[-1])[1] == len(changed.queries)
    assert NoNPlusOne().check(changed) is None


@pytest.mark.parametrize("rows_of", [Draft.objects.all, lambda: QuerySet(Draft), Draft.kept.kept])
def test_the_line_is_that_where_the_code_asks_for_the_queryset(recorder, rows_of):
    """It is neither in the manager nor in a constructor nor where the rows are read."""

    def work(asked):
        found = asked()
        loop(found, lambda row: row.writer.name)

    [fix] = fixes_in(NoNPlusOne().check(record(recorder, work, rows_of)))

    assert Path(__file__).read_text().splitlines()[line_of(fix.site) - 1].strip() == "found = asked()"


@pytest.mark.parametrize(
    ("rows_of", "read", "own", "other"),
    [
        (
            Publisher.objects.all,
            lambda row: list(row.been_to.all()),
            "Publisher.been_to",
            "Publisher.shown_at",
        ),
        (Publisher.objects.all, lambda row: list(row.shown_at.all()), "shown_at", "been_to"),
        (Term.objects.all, lambda row: list(row.lent_to.all()), "Term.lent_to", "Term.derived"),
        (Term.objects.all, lambda row: list(row.narrower.all()), "Term.narrower", "Term.broader"),
        (Fair.objects.all, lambda row: list(row.visitors.all()), "visitors", "exhibitors"),
        (Writer.objects.all, lambda row: row.signet, "Writer.signet", "Writer.seal"),
        (Writer.objects.all, lambda row: list(row.drafts.all()), "Writer.drafts", "Writer.edited"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_allowed_is_one_relation(recorder, rows_of, read, own, other):
    """A relation of the same models, by the same model in between, is not allowed with it."""
    recording = record(recorder, lambda found: loop(found, read), rows_of())

    assert NoNPlusOne(allow=[own]).check(recording) is None
    assert NoNPlusOne(allow=[other]).check(recording) is not None


def test_a_relation_is_known_when_a_row_asks_while_it_is_made(recorder):
    """No queryset method can load it before `__init__()` needs it, so none is advised."""
    recording = record(recorder, list, Ticket.objects.all())
    fixes, text = told(recording)

    assert "N+1: Ticket.volume of 2 rows" in text
    assert fixes == []
    assert len(record(recorder, list, Ticket.objects.select_related("volume")).queries) == 1 + ROWS


def test_what_is_read_of_such_rows_later_has_its_fix(recorder):
    """The queries of `__init__()` do not take the place of those that fetched the rows."""
    unchanged = record(
        recorder, lambda found: loop(found, lambda row: row.publisher.name), Ticket.objects.all()
    )
    fixes, text = told(unchanged)

    assert "N+1: Ticket.publisher of 2 rows" in text
    assert [fix.text for fix in fixes] == ['.select_related("publisher")']
    changed = record(
        recorder,
        lambda found: loop(found, lambda row: row.publisher.name),
        Ticket.objects.select_related("publisher"),
    )
    assert promised(fixes[0]) == [len(unchanged.queries), len(changed.queries)]


def test_a_relation_to_such_rows_is_prefetched_and_theirs_is_not(recorder):
    """Also if both are in one loop."""
    unchanged = record(
        recorder, lambda found: loop(found, lambda row: list(row.tickets.all())), Volume.objects.all()
    )
    fixes, text = told(unchanged)

    assert "N+1: Volume.tickets of 2 rows" in text
    assert "N+1: Ticket.volume of 2 rows" in text
    assert [fix.text for fix in fixes] == ['.prefetch_related("tickets")']
    changed = record(
        recorder,
        lambda found: loop(found, lambda row: list(row.tickets.all())),
        Volume.objects.prefetch_related("tickets"),
    )
    assert promised(fixes[0]) == [len(unchanged.queries), len(changed.queries)]


def test_a_field_that_a_row_asks_for_while_it_is_made_is_to_be_loaded_with_it(recorder):
    """That is in time: `__init__()` then has the value."""
    fixes, text = told(record(recorder, list, Slip.objects.defer("text")))

    assert "N+1: Slip.text of 2 rows" in text
    assert [fix.text for fix in fixes] == ['.defer(...) without "text"']
    assert promised(fixes[0]) == [1 + ROWS, len(record(recorder, list, Slip.objects.all()).queries)]


def test_a_filtered_relation_has_a_name_that_is_no_field(recorder):
    """What is joined under it has no line, and is found all the same."""
    found = Writer.objects.annotate(
        one=FilteredRelation("drafts", condition=Q(drafts__is_thrown_away=False))
    ).select_related("one")
    recording = record(recorder, lambda rows: loop(rows, lambda row: list(row.one.editors.all())), found)
    fixes, text = told(recording)

    assert "N+1: Draft.editors of 2 rows" in text
    assert fixes == []
