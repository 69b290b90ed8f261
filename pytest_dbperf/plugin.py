"""When does it run? In pytest's hooks and fixtures: each calls one function and returns its result."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_dbperf import hookspecs, longrepr
from pytest_dbperf.budgets.budget import Budget, summary, usage
from pytest_dbperf.budgets.built_in import BUDGETS
from pytest_dbperf.budgets.enforcement import BudgetFixture
from pytest_dbperf.callsites.callsite import set_project_root
from pytest_dbperf.options.chosen import mode_of, options_of, projects_of
from pytest_dbperf.options.declared import register, register_budgets, require_known_arguments
from pytest_dbperf.probes import asserted_blocks
from pytest_dbperf.probes.listening import RECORDER, listening_as_far_as_possible
from pytest_dbperf.reports.files import ReportWriter
from pytest_dbperf.reports.writing import wrong_paths
from pytest_dbperf.results.bug_results import BugsOfRun, has_bugs, take_bugs
from pytest_dbperf.session import standing_connections
from pytest_dbperf.session.countable import require_django, require_everything, why_not_recorded
from pytest_dbperf.session.explanation import explanation_of
from pytest_dbperf.session.guarding import finalizer, guard, guarded, note_own_error
from pytest_dbperf.session.live import LiveRecording
from pytest_dbperf.session.run_hooks import BUGS, WRONG_MARKERS, EndOfRunHooks, WholeRunHooks, WorkerHooks
from pytest_dbperf.session.suite import Suite
from pytest_dbperf.session.whole_run import NUMBERS, WholeRun

if TYPE_CHECKING:
    from pytest_dbperf.clients.asgi import AsgiClient
    from pytest_dbperf.clients.database_settings import DatabaseSettings
    from pytest_dbperf.clients.wsgi import WsgiClient

LISTENING = pytest.StashKey[ExitStack]()
LISTENING_FOR = pytest.StashKey[set[str]]()
SUITE = pytest.StashKey[Suite]()

_MOST_WRONG_MARKERS = 10


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    register(parser)
    register_budgets(parser, BUDGETS)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> Generator[None]:
    require_known_arguments(early_config, args)
    # Before pytest-django imports the project: an adapter that it makes at import is known as its own.
    if mode_of(early_config) != "off":
        _listen(early_config)
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    budget_classes = hookspecs.budget_classes_of(config.pluginmanager)
    _declare(config, budget_classes.values())
    _start(config, budget_classes, hookspecs.reports_of(config.pluginmanager))


def _declare(config: pytest.Config, budget_classes: Iterable[type[Budget]]) -> None:
    others = [budget_class for budget_class in budget_classes if budget_class not in BUDGETS]
    config.pluginmanager.register(_plugin_for(others), "dbperf-budgets")
    for budget_class in budget_classes:
        config.addinivalue_line("markers", f"{usage(budget_class)}: {summary(budget_class)}")


def _start(
    config: pytest.Config, budget_classes: Mapping[str, type[Budget]], reports: Mapping[str, ReportWriter]
) -> None:
    chosen = options_of(config, budget_classes, reports)
    if not chosen.is_off:
        _listen(config)
        config.stash[LISTENING].callback(asserted_blocks.install(RECORDER))
    if chosen.wants_results and (obstacle := why_not_recorded()):
        raise pytest.UsageError(f"The numbers that were asked for cannot be measured: {obstacle}.")
    config.stash[SUITE] = Suite(
        recorder=RECORDER,
        options=chosen,
        root=config.rootpath,
        ini=config.inipath.name if config.inipath else "the options",
        verbose=config.get_verbosity() > 0,
    )
    stop = partial(_stop, config)
    config.add_cleanup(stop)
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(WorkerHooks(stop), "dbperf-worker")
        return
    whole_run, found = WholeRun(chosen, config.rootpath, reports), BugsOfRun()
    config.pluginmanager.register(EndOfRunHooks(whole_run, found, stop), "dbperf-end")
    if not chosen.is_off:
        if wrong := [*wrong_paths(chosen.files)]:
            raise pytest.UsageError(*wrong)
        config.pluginmanager.register(WholeRunHooks(whole_run, found), "dbperf-run")


def _stop(config: pytest.Config) -> None:
    with guard("closing the connections to PostgreSQL's statistics"):
        config.stash[SUITE].verification.close()
    if LISTENING in config.stash:
        with guard("restoring the functions of libraries"):
            config.stash[LISTENING].close()


def _listen(config: pytest.Config) -> None:
    if LISTENING not in config.stash:
        config.stash[LISTENING] = ExitStack()
        config.stash[LISTENING_FOR] = set()
        config.add_cleanup(config.stash[LISTENING].close)
        config.stash[LISTENING].callback(set_project_root(config.rootpath, projects_of(config)))
        config.stash[LISTENING].enter_context(listening_as_far_as_possible())
    # A conftest.py is loaded later than other plugins, and is asked when pytest is configured.
    if new := hookspecs.probes_of(config.pluginmanager, config.stash[LISTENING_FOR]):
        config.stash[LISTENING].enter_context(listening_as_far_as_possible(new))


def pytest_itemcollected(item: pytest.Item) -> None:
    with guard("reading a test file", test=item.nodeid):
        item.config.stash[SUITE].note_file(item)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wrong: list[str] = []
    with guard("reading the markers of the tests"):
        wrong = list(config.stash[SUITE].wrong_markers(items))[:_MOST_WRONG_MARKERS]
    if not wrong:
        return
    output_of_worker: dict[str, object] | None = getattr(config, "workeroutput", None)
    if output_of_worker is None:
        raise pytest.UsageError(*wrong)
    # In a worker of xdist a usage error would be an internal error: the controller raises it instead.
    output_of_worker[WRONG_MARKERS] = wrong
    items.clear()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    if fixturedef.scope == "function":
        return (yield)
    # What tests share does not count for the test that happens to come first, or last.
    suite, teardown, name = request.config.stash[SUITE], ExitStack(), fixturedef.argname
    fixturedef.addfinalizer(finalizer(teardown.close))
    with (
        guarded("pausing for a fixture", suite.recorder.pause),
        guarded("noting the caches that a fixture fills", suite.caches.sharing, name),
    ):
        value = yield
    fixturedef.addfinalizer(finalizer(suite.caches.forget, name))
    fixturedef.addfinalizer(finalizer(lambda: teardown.enter_context(suite.recorder.pause())))
    if name == "django_db_setup":
        # DROP DATABASE waits five seconds for a connection that async code left on asgiref's thread.
        fixturedef.addfinalizer(finalizer(standing_connections.close_on_asgiref_thread))
    return value


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    with guarded("setting up a test", item.config.stash[SUITE].setting_up, item):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    with guarded("running a test", item.config.stash[SUITE].calling, item):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    with guarded("tearing down a test", item.config.stash[SUITE].tearing_down, item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    with guard("making the report of a test"):
        _complete(report, item, call)
    with guard("adding bugs to the report of a test", test=item.nodeid):
        # xdist sends the attributes of a report to its controller, if they are plain values as these.
        if bugs := take_bugs(item.nodeid):
            vars(report)[BUGS] = bugs
    return report


def _complete(report: pytest.TestReport, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    suite = item.config.stash[SUITE]
    if suite.options.is_off:
        return
    if report.when != "call" or suite.test.has_ended or has_bugs():
        vars(report)[NUMBERS] = suite.test.take_numbers()
    if call.excinfo is not None:
        note_own_error(call.excinfo.value, is_in_body=report.when == "call")
    if call.excinfo is not None and (explanation := explanation_of(call.excinfo.value, item)):
        report.longrepr = longrepr.text_at(
            explanation.lines, explanation.path, explanation.line, explanation.error
        )
    if call.excinfo is not None and report.failed and (added := suite.added_to(call.excinfo.value)):
        longrepr.add_section(report.longrepr, *added)


@pytest.fixture
def dbperf(request: pytest.FixtureRequest) -> LiveRecording:
    """The recording of this test: `.queries`, `.hops`, `.record()`, `.pause()`, `.assert_constant()`."""
    _listen_for(request, "dbperf")
    return request.config.stash[SUITE].test.recording


def _listen_for(request: pytest.FixtureRequest, fixture: str) -> None:
    require_django(fixture)
    _listen(request.config)
    require_everything(fixture)


def _database_first(request: pytest.FixtureRequest) -> None:
    # A client has to know whether the rows of the test are committed, so that its threads see them.
    for fixture in ("db", "transactional_db"):
        if fixture in request.fixturenames:
            request.getfixturevalue(fixture)


@pytest.fixture
def wsgi_client(request: pytest.FixtureRequest) -> Iterator[WsgiClient]:
    """`django.test.Client` on worker threads, as under a WSGI server; `.new(workers=4)` makes another one."""
    _listen_for(request, "wsgi_client")
    from pytest_dbperf.clients import wsgi

    _database_first(request)
    with wsgi.serving() as client:
        yield client


@pytest.fixture
def asgi_client(request: pytest.FixtureRequest) -> Iterator[AsgiClient]:
    """`django.test.Client` and its awaitable twins (`aget`) on an event loop, as under an ASGI server."""
    _listen_for(request, "asgi_client")
    from pytest_dbperf.clients import asgi

    _database_first(request)
    with asgi.serving() as client:
        yield client


@pytest.fixture
def database_settings(request: pytest.FixtureRequest) -> Iterator[DatabaseSettings]:
    """Change `CONN_MAX_AGE`, `CONN_HEALTH_CHECKS` or `pool` of an alias for one test, in every thread."""
    require_django("database_settings")
    from pytest_dbperf.clients.database_settings import changeable

    _listen(request.config)
    with changeable() as change:
        yield change


def _fixture_of(budget_class: type[Budget]) -> object:
    def budget(request: pytest.FixtureRequest) -> BudgetFixture:
        _listen(request.config)
        return partial(request.config.stash[SUITE].window, budget_class)

    budget.__doc__ = (
        f"A budget for a part of a test: `with {usage(budget_class)} as recording:`, or `async with`."
    )
    return pytest.fixture(name=budget_class.name)(budget)


# pytest takes the fixtures of a plugin from the names of its module.
globals().update({budget_class.name: _fixture_of(budget_class) for budget_class in BUDGETS})


def _plugin_for(budget_classes: Iterable[type[Budget]]) -> ModuleType:
    """Make a plugin with the fixtures and the settings of these budgets.

    They are not known yet when our module is loaded. pytest asks for settings whenever it registers a plugin.
    """

    def pytest_addoption(parser: pytest.Parser) -> None:
        register_budgets(parser, budget_classes)

    plugin = ModuleType("dbperf_budgets", "Budgets of other plugins.")
    vars(plugin).update({budget_class.name: _fixture_of(budget_class) for budget_class in budget_classes})
    vars(plugin)["pytest_addoption"] = pytest_addoption
    return plugin
