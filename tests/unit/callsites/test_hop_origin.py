"""Every hop has an origin, and a hop of Django's also a part of Django."""

import os
import sys
import threading
from pathlib import Path

import django
import pytest

from pytest_dbperf.callsites.callsite import first_to_blame
from pytest_dbperf.callsites.hop_origin import origin_of_hop
from tests.unit.callsites.test_callsite import imported_from

DJANGO = Path(django.__file__).parent
LIBRARY = "/venv/lib/python3.13/site-packages/lib.py"


def file_of_django(name):
    """A file of Django's."""
    return str(DJANGO / name)


def calling(filename):
    """A function in this file that calls another one."""
    return imported_from(filename, "def call(f, *a, **k):\n    return f(*a, **k)").call


def origin_here(maker=None, adapts="", owner=None, function="QuerySet.get"):
    """The origin of a hop that the caller of this makes, as a probe's wrapper finds it."""
    return origin_of_hop(sys._getframe(1), maker, adapts, owner, function)


ORM = file_of_django("db/models/query.py")
NOBODY = "/venv/lib/python3.13/site-packages/_pytest/x.py"


@pytest.mark.parametrize(
    ("maker", "caller", "origin"),
    [
        (__file__, __file__, "project"),
        (ORM, ORM, "django"),
        # A middleware of yours that calls get_response() calls an adapter that Django made.
        (ORM, __file__, "django"),
        # Django calls what you have decorated.
        (__file__, ORM, "project"),
        # You await what a library has decorated.
        (LIBRARY, __file__, "library:lib"),
        (LIBRARY, ORM, "library:lib"),
        (LIBRARY, NOBODY, "library:lib"),
        (None, ORM, "django"),
        (None, __file__, "project"),
        (None, LIBRARY, "library:lib"),
        (None, NOBODY, "project"),
    ],
)
def test_the_origin_is_the_maker_or_the_caller(maker, caller, origin):
    """The code that made the adapter is the origin; if that is unknown, its caller is."""
    assert calling(caller)(origin_here, maker=maker)[0] == origin


def maker():
    """The code that made an adapter, as a probe's wrapper finds it."""
    frame = first_to_blame(sys._getframe(1))
    return None if frame is None else frame.f_code.co_filename


def test_the_maker_is_the_first_code_that_can_be_blamed():
    """Frames of asgiref and of the standard library are skipped."""
    by_plumbing, by_library = calling(os.__file__), calling(LIBRARY)

    assert maker() == __file__
    assert by_library(by_plumbing, maker) == LIBRARY


def test_a_maker_outside_of_a_test_is_unknown():
    """The walk ends at pytest's own frames, and with the thread."""
    makers = []
    by_pytest = calling(NOBODY)
    in_a_thread = imported_from(os.__file__, "def run(f, to):\n    to.append(f())").run
    thread = threading.Thread(target=in_a_thread, args=(maker, makers))
    thread.start()
    thread.join()

    assert by_pytest(maker) is None
    assert makers == [None]


@pytest.mark.parametrize(
    ("filename", "function", "part"),
    [
        ("db/models/query.py", "QuerySet.get", "orm"),
        ("db/models/fields/related_descriptors.py", "add", "orm"),
        ("contrib/contenttypes/fields.py", "add", "orm"),
        ("contrib/auth/hashers.py", "verify_password", "auth"),
        ("contrib/sessions/backends/base.py", "SessionBase.load", "session"),
        ("core/cache/backends/base.py", "LocMemCache.get", "cache"),
        ("dispatch/dispatcher.py", "Signal.asend.<locals>.sync_send", "signal"),
        ("core/handlers/base.py", "view", "view-adapter"),
        ("core/handlers/base.py", "TemplateResponse.render", "response-render"),
        ("core/handlers/exception.py", "response_for_exception", "error-response"),
        ("core/handlers/base.py", "log_response", "response-log"),
        ("core/handlers/asgi.py", "HttpResponseBase.close", "response-close"),
        ("test/client.py", "HttpResponseBase.close", "response-close"),
        ("http/response.py", "list", "streaming"),
        ("tasks/backends/base.py", "enqueue", "task"),
        ("something/new.py", "function", "something.new"),
    ],
)
def test_a_part_of_django_is_known_by_its_file(filename, function, part):
    """Hops of its handlers that call no view are known by their function."""
    by_django = calling(file_of_django(filename))
    owner = object if function[0].isupper() else None

    assert by_django(origin_here, function=function, owner=owner) == ("django", part)
    # A task of its own has nobody above it: then it counts who made the adapter.
    nobody = calling(NOBODY)
    told = nobody(origin_here, maker=file_of_django(filename), function=function, owner=owner)
    assert told == ("django", part)


@pytest.mark.parametrize("function", ["close", "render"])
def test_a_view_may_have_any_name(function):
    """`close` means the end of a response only as a response's method."""
    by_django = calling(file_of_django("core/handlers/base.py"))

    assert by_django(origin_here, function=function) == ("django", "view-adapter")


def test_a_middleware_is_named_by_its_class():
    """The hop calls a method that a class of yours may have inherited."""

    class Timing:
        """A middleware."""

    by_mixin = calling(file_of_django("utils/deprecation.py"))

    assert by_mixin(origin_here, owner=Timing, function="Base.process_request") == (
        "django",
        "middleware:Timing",
    )
    assert by_mixin(origin_here, function="process_request") == ("django", "middleware:process_request")


def test_a_thread_of_django_has_no_outer_frames():
    """The walk ends with the thread."""
    told = []
    by_django = calling(file_of_django("db/models/query.py"))
    in_a_thread = imported_from(os.__file__, "def run(f, g, to):\n    to.append(f(g))").run
    thread = threading.Thread(target=in_a_thread, args=(by_django, origin_here, told))
    thread.start()
    thread.join()

    assert told == [("django", "orm")]


def test_an_adapter_that_django_made_says_what_for():
    """Its caller makes no difference."""
    maker = file_of_django("core/handlers/base.py")

    assert origin_here(maker, adapts="middleware:Timing") == ("django", "middleware:Timing")
    assert origin_here(__file__, adapts="middleware:Timing") == ("project", "")


def test_the_part_that_was_called_counts():
    """`alogin()` and sessions call the ORM, but count as `auth` and `session`."""
    orm, auth, session = map(
        calling,
        map(
            file_of_django,
            ("db/models/query.py", "contrib/auth/__init__.py", "contrib/sessions/backends/db.py"),
        ),
    )
    handlers, plumbing = calling(file_of_django("core/handlers/base.py")), calling(os.__file__)

    assert auth(session, orm, origin_here) == ("django", "auth")
    assert session(plumbing, orm, origin_here) == ("django", "session")
    assert calling(LIBRARY)(orm, origin_here) == ("django", "orm")
    # Django's handlers call what they are given: what is above them has nothing to do with it.
    assert auth(handlers, orm, origin_here) == ("django", "orm")
