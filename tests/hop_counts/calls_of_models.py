"""Which asynchronous calls do models have? Each one is made in sync code, and measured on the event loop."""

from django import shortcuts
from django.db import models
from django.db.models import Model, QuerySet

from tests.hop_counts.models import Book, Shelf

# The first part of the names below, and where to find it.
OWNERS = {
    "QuerySet": QuerySet,
    "Model": Model,
    "books": Shelf.books.related_manager_cls,
    "genres": Book.genres.related_manager_cls,
    "notes": Book.notes.related_manager_cls,
    "models": models,
    "shortcuts": shortcuts,
}


async def iterate(iterable):
    """Iterate over everything."""
    async for _ in iterable:
        pass


def _two(books):
    first, second, _ = books
    return [first, second]


QUERYSETS = {
    "QuerySet.aaggregate": lambda it: it.books.aaggregate(models.Count("pk")),
    "QuerySet.abulk_create": lambda it: Book.objects.abulk_create([Book(title="New"), Book(title="Newer")]),
    "QuerySet.abulk_update": lambda it: it.books.abulk_update(_two(it.books), ["title"]),
    "QuerySet.acontains": lambda it: it.books.acontains(it.book),
    "QuerySet.acount": lambda it: it.books.acount(),
    "QuerySet.acreate": lambda it: Book.objects.acreate(title="New"),
    "QuerySet.adelete": lambda it: it.books.adelete(),
    "QuerySet.aearliest": lambda it: it.books.aearliest("pk"),
    "QuerySet.aexists": lambda it: it.books.aexists(),
    "QuerySet.aexplain": lambda it: it.books.aexplain(),
    "QuerySet.afirst": lambda it: it.books.afirst(),
    "QuerySet.aget": lambda it: it.books.aget(pk=it.book.pk),
    "QuerySet.aget_or_create (created)": lambda it: it.books.aget_or_create(title="New"),
    "QuerySet.aget_or_create (found)": lambda it: it.books.aget_or_create(pk=it.book.pk),
    "QuerySet.ain_bulk": lambda it: it.books.ain_bulk(),
    "QuerySet.aiterator (one chunk)": lambda it: iterate(it.books.aiterator()),
    "QuerySet.aiterator (one chunk, prefetch_related)": lambda it: iterate(
        it.books.prefetch_related("genres").aiterator(chunk_size=100)
    ),
    "QuerySet.aiterator (3 rows, chunks of 1)": lambda it: iterate(it.books.aiterator(chunk_size=1)),
    "QuerySet.aiterator (3 rows, chunks of 2)": lambda it: iterate(it.books.aiterator(chunk_size=2)),
    "QuerySet.alast": lambda it: it.books.alast(),
    "QuerySet.alatest": lambda it: it.books.alatest("pk"),
    "QuerySet.aupdate": lambda it: it.books.aupdate(title="New"),
    "QuerySet.aupdate_or_create (created)": lambda it: it.books.aupdate_or_create(title="New"),
    "QuerySet.aupdate_or_create (found)": lambda it: it.books.aupdate_or_create(
        {"title": "New"}, pk=it.book.pk
    ),
    "async for": lambda it: iterate(it.books),
    "async for (prefetch_related)": lambda it: iterate(it.books.prefetch_related("genres", "notes")),
    "async for (a queryset that is loaded)": lambda it: iterate(_loaded(it.books)),
    "models.aprefetch_related_objects": lambda it: models.aprefetch_related_objects([it.book], "genres"),
    "shortcuts.aget_list_or_404": lambda it: shortcuts.aget_list_or_404(it.books),
    "shortcuts.aget_object_or_404": lambda it: shortcuts.aget_object_or_404(it.books, pk=it.book.pk),
}
MODELS = {
    "Model.adelete": lambda it: it.book.adelete(),
    "Model.arefresh_from_db": lambda it: it.book.arefresh_from_db(),
    "Model.asave": lambda it: it.book.asave(),
}
RELATED = {
    "async for (books)": lambda it: iterate(it.shelf.books.all()),
    "books.aadd": lambda it: it.shelf.books.aadd(it.other_book),
    "books.aclear": lambda it: it.shelf.books.aclear(),
    "books.acreate": lambda it: it.shelf.books.acreate(title="New"),
    "books.aget_or_create": lambda it: it.shelf.books.aget_or_create(title="New"),
    "books.aremove": lambda it: it.shelf.books.aremove(it.book),
    "books.aset": lambda it: it.shelf.books.aset([it.book, it.other_book]),
    "books.aupdate_or_create": lambda it: it.shelf.books.aupdate_or_create(title="New"),
    "async for (genres)": lambda it: iterate(it.book.genres.all()),
    "genres.aadd": lambda it: it.book.genres.aadd(it.other_genre),
    "genres.aclear": lambda it: it.book.genres.aclear(),
    "genres.acreate": lambda it: it.book.genres.acreate(name="new"),
    "genres.aget_or_create": lambda it: it.book.genres.aget_or_create(name="new"),
    "genres.aremove": lambda it: it.book.genres.aremove(it.book.genres.get()),
    "genres.aset": lambda it: it.book.genres.aset([it.other_genre]),
    "genres.aupdate_or_create": lambda it: it.book.genres.aupdate_or_create(name="new"),
    "async for (notes)": lambda it: iterate(it.book.notes.all()),
    "notes.aadd": lambda it: it.book.notes.aadd(it.other_note),
    "notes.aclear": lambda it: it.book.notes.aclear(),
    "notes.acreate": lambda it: it.book.notes.acreate(),
    "notes.aget_or_create": lambda it: it.book.notes.aget_or_create(text="new"),
    "notes.aremove": lambda it: it.book.notes.aremove(it.book.notes.get()),
    "notes.aset": lambda it: it.book.notes.aset([it.other_note]),
    "notes.aupdate_or_create": lambda it: it.book.notes.aupdate_or_create(text="new"),
}


def _loaded(books):
    assert len(books) == 3
    return books


GROUPS = {
    "QuerySets": QUERYSETS,
    "Models": MODELS,
    "Related managers": RELATED,
}
