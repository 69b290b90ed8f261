"""What may a call need? It is created when a call names it: in sync code, before the loop runs."""

from functools import cached_property
from itertools import count

from asgiref.testing import ApplicationCommunicator
from django.contrib.auth import login
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache.backends.locmem import LocMemCache
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.test import override_settings

from tests.hop_counts.models import Book, Genre, Note, Shelf

PASSWORD = "only for measuring"
SECONDS = 60

_numbers = count(1)


class Things:
    """Three books on a shelf, a user who reads them, and the objects of a site."""

    def __init__(self):
        self.number = next(_numbers)

    @cached_property
    def shelf(self):
        """A shelf with three books."""
        shelf = Shelf.objects.create()
        for number in range(3):
            shelf.books.create(title=f"Book {number}")
        return shelf

    @property
    def books(self):
        """The books of the shelf, not loaded."""
        return Book.objects.filter(shelf=self.shelf)

    @cached_property
    def book(self):
        """A book of the shelf, with a genre and a note."""
        book = self.books.earliest("pk")
        book.genres.create(name="novel")
        book.notes.create()
        return book

    @cached_property
    def other_book(self):
        """A book on no shelf."""
        return Book.objects.create(title="Other")

    @cached_property
    def other_genre(self):
        """A genre that the book does not have."""
        return Genre.objects.create(name="other")

    @cached_property
    def other_note(self):
        """A note about another book."""
        return Note.objects.create(about=self.other_book)

    @cached_property
    def user(self):
        """A user as read from the database: without permissions, and without a cache of them."""
        created = User.objects.create_user(f"user{self.number}", password=PASSWORD)
        return User.objects.get(pk=created.pk)

    @cached_property
    def superuser(self):
        """A user who may do everything."""
        return User.objects.create_superuser(f"superuser{self.number}", password=PASSWORD)

    @cached_property
    def group(self):
        """A group of users."""
        return Group.objects.create(name=f"group{self.number}")

    @cached_property
    def session(self):
        """A session that is in the database, and not loaded."""
        session = SessionStore()
        session["key"] = "value"
        session.set_test_cookie()
        session.save()
        return SessionStore(session.session_key)

    @cached_property
    def loaded_session(self):
        """A session that is also loaded."""
        assert self.session["key"] == "value"
        return self.session

    @cached_property
    def anonymous_request(self):
        """A request without a session or a user."""
        return _request(SessionStore())

    @cached_property
    def request(self):
        """A request of the user, who has logged in with the request before."""
        before = self.anonymous_request
        login(before, self.user)
        before.session.save()
        return _request(SessionStore(before.session.session_key))

    @cached_property
    def loaded_request(self):
        """A request with a loaded session and a known user."""

        async def auser():
            return self.user

        request = self.request
        assert request.session["_auth_user_id"]
        request.user, request.auser = self.user, auser
        return request

    @cached_property
    def cache(self):
        """A cache in memory, with a number in it."""
        cache = LocMemCache(f"cache{self.number}", {})
        cache.set("key", 1)
        return cache

    def served(self, path, *middleware):
        """Make the application for these middlewares; the coroutine is one request to it."""
        with override_settings(MIDDLEWARE=list(middleware)):
            application = ASGIHandler()
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "path": path,
            "query_string": b"",
            "headers": [(b"host", b"testserver")],
        }
        return _exchange(application, scope)


def _request(session):
    request = HttpRequest()
    request.session = session
    AuthenticationMiddleware(lambda _: None).process_request(request)
    return request


async def _exchange(application, scope):
    client = ApplicationCommunicator(application, scope)
    await client.send_input({"type": "http.request"})
    started = await client.receive_output(SECONDS)
    ended = await client.receive_output(SECONDS)
    await client.wait(SECONDS)
    assert (started["status"], ended.get("more_body", False)) == (200, False), started
