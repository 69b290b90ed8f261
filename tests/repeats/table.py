"""How a case is defined, and the rows that it works on."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.contenttypes.models import ContentType

from shelf.models import Chapter, Copy, Genre, Note, Profile, Publisher, Volume, Writer

GROWS, REPEATS, SILENT = "N+1", "repeated", "silent"


@dataclass(frozen=True)
class Case:
    """A function, its number of rows, the verdict that it must get, and the queries of each finding."""

    function: Callable
    verdict: str
    rows: int
    queries: tuple[int, ...] = ()
    is_committed: bool = False

    @property
    def name(self):
        """The name of its function."""
        return self.function.__name__


CASES: list[Case] = []


def case(verdict, *queries, rows=3, is_committed=False):
    """Put a function into the table; `queries` are those of each finding."""

    def add(function):
        CASES.append(Case(function, verdict, rows, queries, is_committed))
        return function

    return add


class Shelf:
    """The rows on one database, each volume with a writer, publisher, genre and note of its own."""

    def __init__(self, using, rows):
        self.using = using
        ContentType.objects.clear_cache()
        mentor = None
        for number in range(rows):
            writer = self.make(Writer, name=f"writer {number}", biography="long", mentor=mentor)
            self.make(Profile, writer=writer, website="example.org")
            publisher = self.make(Publisher, name=f"publisher {number}")
            volume = self.make(
                Volume, title=f"volume {number}", summary="long", writer=writer, publisher=publisher
            )
            volume.genres.add(self.make(Genre, name=f"genre {number}"))
            self.make(Note, subject=volume)
            self.make(Copy, volume=volume, number=1, owner=publisher)
            self.make(Chapter, volume=volume)
            mentor = writer
        ContentType.objects.clear_cache()

    def make(self, model, **values):
        """Make a row."""
        return model.objects.using(self.using).create(**values)

    def all(self, model):
        """All rows of a model, in order."""
        return model.objects.using(self.using).order_by("pk")
