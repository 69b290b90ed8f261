"""What is counted in this process beside a library, and what does the undo leave?

`python -m tests.beside.measure LIBRARY before|after` prints it as JSON. With "before", the library wraps
first.
"""

import json
import os
import sys
from contextlib import ExitStack

from tests.beside.libraries import LIBRARIES, Seen


def pieces_of_work():
    """Return functions by name, each of which is measured by itself."""
    from tests.beside import work

    return {piece.__name__: piece for piece in work.PIECES}


def measured(recorder, piece):
    """Run a piece of work, and return what we have counted and what the server has logged."""
    from django.db import connection

    from tests.probes.server_log import ServerLog

    log = ServerLog([connection.settings_dict["NAME"]])
    with recorder.record() as recording:
        piece()
    heard = log.heard()
    return {
        "counted": {
            "statements": sum(query.executions for query in recording.statements),
            "connections": sorted(opened.backend_pid for opened in recording.new_connections),
        },
        "logged": {"statements": len(heard.statements), "connections": sorted(heard.connections)},
        "hops": sorted(
            f"{hop.via} {hop.function.rpartition('.')[2]}"
            for hop in recording.hops
            if hop.origin == "project" and hop.call_path
        ),
        "requests": [str(request) for request in recording.requests],
        "without_call_path": sum(not query.call_path for query in recording.queries),
    }


def state_of_seams():
    """Return what each seam has now, by name, and its code: ddtrace replaces only that."""
    from tests.probes.seams import SEAMS

    state = {}
    for owner, name in SEAMS:
        function = vars(owner)[name]
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        state[f"{owner.__module__ if isinstance(owner, type) else ''} {owner.__name__}.{name}"] = (
            function,
            code,
        )
    return state


def changed(before, now):
    """Name the seams that are not what they were."""
    return {
        name
        for name, (function, code) in before.items()
        if now[name][0] is not function or now[name][1] is not code
    }


def main(name, order):
    """Run the work beside this library, in this order."""
    import django

    library, seen, listen = LIBRARIES[name], Seen(), ExitStack()
    if order == "after":
        pristine = state_of_seams()
        recorder = listen.enter_context(listening())
        ours = state_of_seams()
    django.setup()
    library.start(seen)

    from django.db import connection
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases

    setup_test_environment()
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        add_rows()
        work = pieces_of_work()

        def run_all():
            before = seen.count()
            for piece in work.values():
                piece()
            return seen.count() - before

        with library.around(seen):
            run_all()  # What is loaded once is loaded now.
            theirs = state_of_seams()
            expected = theirs if order == "before" else {**theirs, **restored(pristine, ours, theirs)}
            seen_before = run_all()
            if order == "before":
                recorder = listen.enter_context(listening())
            first = {name: measured(recorder, piece) for name, piece in work.items()}
            seen_meanwhile = run_all()
            listen.close()
            left = state_of_seams()
            with listening() as recorder:
                again = {name: measured(recorder, piece) for name, piece in work.items()}
            left_again = state_of_seams()
            seen_after = run_all()
    finally:
        connection.close()
        teardown_databases(databases, verbosity=0)
    return {
        "first": first,
        "again": again,
        "not_restored": sorted(changed(expected, left) | changed(expected, left_again)),
        "seen_by_it": [seen_before, seen_meanwhile, seen_after],
    }


def restored(pristine, ours, theirs):
    """Return what the undo has to restore: the seams that are still as we have left them."""
    return {name: was for name, was in pristine.items() if name not in changed(ours, theirs)}


def add_rows():
    """Add three authors with a book each."""
    from shop.models import Author, Book

    for name in ("Ada", "Bob", "Cyd"):
        Book.objects.create(author=Author.objects.create(name=name), title=f"By {name}")


if __name__ == "__main__":
    os.environ |= {"BESIDE": sys.argv[1], "DJANGO_SETTINGS_MODULE": "tests.beside.settings"}
    from pytest_dbperf.probes.listening import listening

    print(json.dumps(main(*sys.argv[1:])))  # noqa: T201  # The test reads it.
