"""What is done beside each library: queries, connections and hops of all kinds. It needs Django's models."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection, connections, transaction
from django.test import AsyncClient, Client

from pytest_dbperf.session.standing_connections import close_on_asgiref_thread
from shop.models import Author, Book


def n_plus_one():
    """Load the author of each book."""
    for book in Book.objects.all():
        str(book.author.name)


def orm():
    """Call the ORM in many ways."""
    author = Author.objects.create(name="Eve")
    Book.objects.bulk_create(Book(author=author, title=title) for title in "abc")
    n_plus_one()
    list(Author.objects.prefetch_related("books"))
    with transaction.atomic():
        author.delete()


def raw_cursor():
    """Use Django's cursor without the ORM."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [1])
        cursor.executemany("INSERT INTO shop_author (name) VALUES (%s)", [("Fay",), ("Gil",)])
        cursor.execute("DELETE FROM shop_author WHERE name IN ('Fay', 'Gil')")
        cursor.callproc("lower", ["ADA"])


def in_a_thread():
    """Query, on a connection of this thread."""
    try:
        Author.objects.filter(name="Ada").exists()
    finally:
        connections.close_all()


def threads():
    """Query in a plain thread and in one of an executor."""
    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(in_a_thread).result()


def reconnect():
    """Close the connection, and open it again."""
    connection.close()
    Author.objects.exists()


def request():
    """Request a view."""
    assert Client().get("/books/").status_code == 200


def async_request():
    """Request an asynchronous view."""

    async def run():
        assert (await AsyncClient().get("/count/")).status_code == 200

    asyncio.run(run())
    close_on_asgiref_thread()


async def hop():
    """Hop to threads in five ways."""
    await sync_to_async(Author.objects.count)()
    await Author.objects.acount()
    await asyncio.gather(*(sync_to_async(n_plus_one)() for _ in range(2)))
    await asyncio.to_thread(in_a_thread)
    await asyncio.get_running_loop().run_in_executor(None, in_a_thread)


def hops():
    """Hop on an event loop of its own."""
    asyncio.run(hop())
    close_on_asgiref_thread()


def hops_under_sync():
    """Hop below a synchronous caller."""
    async_to_sync(hop)()


PIECES = (orm, raw_cursor, threads, reconnect, request, async_request, hops, hops_under_sync)
