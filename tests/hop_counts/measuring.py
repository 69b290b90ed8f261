"""How many hops does a call make? The plugin counts them itself, on a new event loop for each call."""

import asyncio
import inspect

import django
from django.db import connection

from pytest_dbperf.probes.listening import listening
from pytest_dbperf.session.standing_connections import close_on_asgiref_thread
from tests.hop_counts import calls_of_models, calls_of_sites
from tests.hop_counts.things import Things

_MODULES = [calls_of_models, calls_of_sites]
if django.VERSION >= (6, 0):
    from tests.hop_counts import calls_since_6_0

    _MODULES.append(calls_since_6_0)

OWNERS = {name: owner for module in _MODULES for name, owner in module.OWNERS.items()}
GROUPS = {title: group for module in _MODULES for title, group in module.GROUPS.items()}


def function_of(name):
    """Find the function at the beginning of a measured name.

    Return None if it is not a call (`async for`, a request). Raise LookupError if this Django does not have
    it.
    """
    owner, _, function = name.split(" ")[0].partition(".")
    if owner not in OWNERS:
        return None
    found = getattr(OWNERS[owner], function, None)
    if found is None:
        raise LookupError(f"Django {django.__version__} has no {owner}.{function}")
    return inspect.unwrap(getattr(found, "__func__", found))


def has(name):
    """Tell whether this Django has the call."""
    try:
        function_of(name)
    except LookupError:
        return False
    return True


def measure():
    """Return the hops of each call that this Django has, by group and name, with a database made for it."""
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        with listening() as recorder:
            return {
                title: {name: _hops(recorder, name, make) for name, make in group.items() if has(name)}
                for title, group in GROUPS.items()
            }
    finally:
        close_on_asgiref_thread()
        connection.creation.destroy_test_db(connection.settings_dict["NAME"], verbosity=0)


def _hops(recorder, name, make):
    async def run(call):
        with recorder.record(call_sites=False) as recording:
            await call
        return len(recording.hops)

    try:
        return asyncio.run(run(make(Things())))
    except Exception as error:
        error.add_note(f"while {name} was measured, with Django {django.__version__}")
        raise
