"""If a library changes a seam, one of these tests fails and names it."""

import inspect
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import CodeType, SimpleNamespace

import django
import psycopg
import pytest
from asgiref.sync import SyncToAsync
from django.contrib.auth import hashers
from django.db import connections as django_connections
from django.db.backends import utils
from django.db.backends.base import base

from pytest_dbperf.probes import connections, drivers, worker_threads
from pytest_dbperf.probes import listening as probes
from pytest_dbperf.probes.django_frames import frame_readers
from pytest_dbperf.probes.listening import listening
from pytest_dbperf.probes.seam import SeamGone, is_installed, undo_all, wrap
from pytest_dbperf.probes.threads import runs_in
from pytest_dbperf.recording.recorder import Recorder
from tests.probes.seams import SEAMS


def id_of(seam):
    """Name a seam in the report of the tests."""
    return f"{seam[0].__name__}.{seam[1]}"


@pytest.mark.parametrize("seam", SEAMS, ids=id_of)
def test_a_seam_has_the_signature_that_its_probe_forwards(seam):
    """A library may add parameters at the end. Those that the probes name must stay."""
    owner, name = seam
    function = vars(owner)[name]
    function = inspect.unwrap(getattr(function, "__func__", function))
    parameters = [
        parameter.replace(annotation=parameter.empty)
        for parameter in inspect.signature(function).parameters.values()
    ]
    signature = str(inspect.Signature(parameters))[1:-1]

    assert signature == SEAMS[seam] or signature.startswith(f"{SEAMS[seam]}, ")


def test_execute_and_executemany_pass_the_seam():
    """Both call the one function that is wrapped."""
    for name in ("execute", "executemany"):
        assert "_execute_with_wrappers" in inspect.getsource(getattr(utils.CursorWrapper, name))


def test_djangos_debug_cursor_passes_the_seam():
    """A cursor that logs is still a cursor wrapper that executes."""
    for name in ("execute", "executemany"):
        assert f"super().{name}" in inspect.getsource(getattr(utils.CursorDebugWrapper, name))


@pytest.mark.parametrize("name", ["_commit", "_rollback", "set_autocommit"])
def test_transactions_are_told_by_the_function_that_is_wrapped(name):
    """BEGIN, COMMIT and ROLLBACK call it by the name that their module has imported."""
    assert "debug_transaction(self" in inspect.getsource(getattr(base.BaseDatabaseWrapper, name))


def test_asgiref_submits_its_thread_handler():
    """So the executor's probe recognises a hop that has been emitted already."""
    assert "self.thread_handler" in inspect.getsource(inspect.unwrap(SyncToAsync.__call__))


def test_django_keeps_its_pools_by_alias(postgres):
    """By this a pool's own threads find the alias that they connect for."""
    assert isinstance(type(django_connections["default"])._connection_pools, dict)


def test_djangos_async_orm_is_sync_to_async():
    """A failure says that `aget()` hops, too. If Django changes that, the advice must change."""
    from django.db.models import QuerySet

    assert "sync_to_async(self.get)" in inspect.getsource(QuerySet.aget), django.VERSION


@pytest.mark.parametrize("name", ["check_password", "acheck_password"])
def test_passwords_are_verified_by_the_function_that_is_wrapped(name):
    """Both ways look it up when they are called."""
    assert "verify_password" in getattr(hashers, name).__code__.co_names


def test_from_django_6_acheck_password_hops():
    """A failure's text depends on that version."""
    hops_to_verify = "sync_to_async" in hashers.acheck_password.__code__.co_names

    assert hops_to_verify == (django.VERSION >= (6, 0))


@pytest.mark.parametrize("cursor", [psycopg.ClientCursor, psycopg.RawCursor, psycopg.AsyncClientCursor])
def test_other_cursors_of_psycopg_inherit_the_seams(cursor):
    """A class that overrides the method would bypass the probe."""
    kinds = [kind for kind in cursor.__mro__ if kind not in (psycopg.Cursor, psycopg.AsyncCursor)]

    assert not any(
        name in vars(kind) for kind in kinds for name in ("execute", "executemany", "copy", "stream")
    )


UNDO = """
from tests.probes.seams import SEAMS
from pytest_dbperf.probes.listening import listening

before = {seam: vars(seam[0])[seam[1]] for seam in SEAMS}
with listening(), listening():
    replaced = {seam: vars(seam[0])[seam[1]] for seam in SEAMS}
after = {seam: vars(seam[0])[seam[1]] for seam in SEAMS}
assert all(replaced[seam] is not before[seam] for seam in SEAMS), "not all seams are wrapped"
assert all(after[seam] is before[seam] for seam in SEAMS), "not all seams are unwrapped"
"""


def test_every_seam_is_wrapped_once_and_unwrapped():
    """After the last block, every library is unchanged."""
    subprocess.run([sys.executable, "-c", UNDO], check=True)


def test_a_probe_that_fails_leaves_nothing_behind(monkeypatch):
    """The probes before it are undone."""
    undone = []

    def works(recorder):
        return lambda: undone.append("works")

    def fails(recorder):
        raise SeamGone("upstream moved")

    fails.__module__ = probes.__name__  # A probe of ours: one of another plugin is noted as theirs.
    monkeypatch.setattr(probes, "PROBES", (works, fails))
    with pytest.raises(SeamGone), listening():
        pytest.fail("nothing is to run inside")

    assert undone == ["works"]


def test_a_missing_seam_is_our_bug_and_says_so():
    """It must not count zero in silence."""
    library = SimpleNamespace(__name__="library")
    with pytest.raises(SeamGone, match=r"library\.execute is gone.*Please report it to pytest-dbperf"):
        wrap(library, "execute", lambda original: original)


def test_a_missing_method_names_the_library():
    """The name of the class may not tell its library."""
    with pytest.raises(SeamGone, match=r"installed version of asgiref\.sync"):
        wrap(SyncToAsync, "no_such_method", lambda original: original)


def test_a_seam_that_other_code_wrapped_later_stays_wrapped():
    """Their wrapper calls ours, which only forwards from then on."""
    library = SimpleNamespace(__name__="library", execute=lambda: "original")
    undo = wrap(library, "execute", lambda original: lambda: original())
    theirs = library.execute = lambda: "theirs"

    undo()

    assert library.execute is theirs


def test_wrappers_are_undone_in_reverse():
    """The last one is undone first."""
    order = []

    undo_all(lambda: order.append("first"), lambda: order.append("second"))()

    assert order == ["second", "first"]


@pytest.mark.parametrize(
    ("package", "probe"),
    [
        ("anyio", worker_threads),
        ("trio", worker_threads),
        ("psycopg", connections),
        ("psycopg", drivers),
    ],
)
def test_a_library_that_is_not_installed_needs_no_probe(monkeypatch, package, probe):
    """Only pytest and Django are required."""
    monkeypatch.setattr(probe, "is_installed", lambda name: not name.startswith(package))

    probe.install(Recorder())()


def test_a_package_is_found_without_importing_it():
    """Finding it is faster than importing it."""
    assert is_installed("django")
    assert not is_installed("no_such_package")


def test_a_thread_knows_its_executor_from_its_first_moment():
    """Executors note their threads only after they have started them."""
    with ThreadPoolExecutor(1) as mine, ThreadPoolExecutor(1) as other:
        assert mine.submit(lambda: (runs_in(mine), runs_in(other))).result() == (True, False)
    with ThreadPoolExecutor(1, thread_name_prefix="a_name") as named:
        assert named.submit(runs_in, named).result()
    assert not runs_in(mine)


def test_a_thread_of_another_executor_may_have_the_same_name():
    """Their prefix is a free choice."""
    with ThreadPoolExecutor(1, "db") as mine, ThreadPoolExecutor(1, "db") as other:
        assert mine.submit(lambda: (runs_in(mine), runs_in(other))).result() == (True, False)


def test_an_executor_is_the_first_argument_of_its_threads():
    """Until the executor has listed a new thread, that is the only way to find it."""
    with ThreadPoolExecutor(1) as executor:
        reference = executor.submit(lambda: vars(threading.current_thread())["_args"][0]).result()
        assert reference() is executor
        executor._threads.clear()
        assert executor.submit(runs_in, executor).result()


def test_geodjango_still_has_that_cache():
    """Django may change what is private to it."""
    source = Path(django.__file__).parent.joinpath("contrib/gis/db/models/fields.py").read_text()

    assert "\n_srid_cache = defaultdict(dict)\n" in source
    assert "_srid_cache[alias][srid] = " in source


def functions_in(code):
    """The qualified names of all functions that a module has, at any depth."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant.co_qualname
            yield from functions_in(constant)


@pytest.mark.parametrize("file", frame_readers())
def test_django_has_the_functions_that_know_what_a_query_is_for(file):
    """They are known by name, as some cannot be imported before Django is set up."""
    source = (Path(django.__file__).parent / file).read_text()
    found = set(functions_in(compile(source, file, "exec")))
    missing = set(frame_readers()[file]) - found

    # A generic foreign key has had a descriptor of its own since Django 6.0.
    assert missing <= {"GenericForeignKey.__get__", "GenericForeignKeyDescriptor.__get__"}
    assert len(missing) <= 1
