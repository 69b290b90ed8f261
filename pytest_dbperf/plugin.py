"""When? pytest's hooks and fixtures: each gathers arguments, calls one function, hands back the result."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_dbperf import longrepr, options
from pytest_dbperf.budgets.budget import Budget, summary, usage
from pytest_dbperf.budgets.built_in import BUDGETS
from pytest_dbperf.budgets.enforcement import BudgetFixture
from pytest_dbperf.callsites.callsite import set_project_root
from pytest_dbperf.probes.listening import RECORDER, listening
from pytest_dbperf.reports import suggestions, terminal
from pytest_dbperf.reports.files import FILES
from pytest_dbperf.results.collecting import RunInProgress, outcome_of
from pytest_dbperf.results.model import Run
from pytest_dbperf.session import standing_connections
from pytest_dbperf.session.explanation import explanation_of
from pytest_dbperf.session.live import LiveRecording
from pytest_dbperf.session.suite import Suite
from pytest_dbperf.suggestions.files import SuggestionSummary, suggest

if TYPE_CHECKING:
    from pytest_dbperf.clients.asgi import AsgiClient
    from pytest_dbperf.clients.database_settings import DatabaseSettings
    from pytest_dbperf.clients.wsgi import WsgiClient

LISTENING = pytest.StashKey[ExitStack]()
SUITE = pytest.StashKey[Suite]()

_WRONG_MARKERS = "dbperf_wrong_markers"
_MOST_WRONG_MARKERS = 10
# All passed, some failed, nothing collected.
_EXIT_CODES_OF_WHOLE_RUNS = (0, 1, 5)


def pytest_addoption(parser: pytest.Parser) -> None:
    options.register(parser)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    # Before pytest-django imports the project: an adapter that it makes at import is known as its own.
    if options.mode_of(early_config) != "off":
        _listen(early_config)
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    for kind in BUDGETS:
        config.addinivalue_line("markers", f"{usage(kind)}: {summary(kind)}")
    chosen = options.options_of(config)
    if not chosen.is_off:
        _listen(config)
    config.stash[SUITE] = Suite(
        recorder=RECORDER,
        options=chosen,
        root=config.rootpath,
        ini=config.inipath.name if config.inipath else "the options",
        verbose=config.get_verbosity() > 0,
    )
    config.add_cleanup(config.stash[SUITE].verification.close)
    if not chosen.is_off and not hasattr(config, "workerinput"):
        config.pluginmanager.register(RunAssembly(config, chosen), "dbperf-run")


def _listen(config: pytest.Config) -> None:
    if LISTENING not in config.stash:
        config.stash[LISTENING] = ExitStack()
        config.add_cleanup(config.stash[LISTENING].close)
        config.stash[LISTENING].callback(set_project_root(config.rootpath, options.projects_of(config)))
        config.stash[LISTENING].enter_context(listening())


def pytest_itemcollected(item: pytest.Item) -> None:
    item.config.stash[SUITE].note_file(item)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wrong = list(config.stash[SUITE].wrong_markers(items))[:_MOST_WRONG_MARKERS]
    if not wrong:
        return
    output_of_worker: dict[str, object] | None = getattr(config, "workeroutput", None)
    if output_of_worker is None:
        raise pytest.UsageError(*wrong)
    # A usage error in a worker of xdist ends as an internal error of the controller, which has to raise it.
    output_of_worker[_WRONG_MARKERS] = wrong
    items.clear()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    if fixturedef.scope == "function":
        return (yield)
    # What tests share is not billed to the one that happens to come first, or last.
    suite, teardown = request.config.stash[SUITE], ExitStack()
    fixturedef.addfinalizer(teardown.close)
    with suite.recorder.pause(), suite.caches.sharing(fixturedef.argname):
        value = yield
    fixturedef.addfinalizer(lambda: suite.caches.forget(fixturedef.argname))
    fixturedef.addfinalizer(lambda: teardown.enter_context(suite.recorder.pause()))
    if fixturedef.argname == "django_db_setup":
        # DROP DATABASE waits five seconds for a connection that async code left on asgiref's thread.
        fixturedef.addfinalizer(standing_connections.close_on_asgiref_thread)
    return value


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    suite = item.config.stash[SUITE]
    if not suite.measures(item):
        return (yield)
    with suite.setting_up(item):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    suite = item.config.stash[SUITE]
    if not suite.measures(item):
        return (yield)
    with suite.calling(item):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    suite = item.config.stash[SUITE]
    if not suite.measures(item):
        return (yield)
    with suite.tearing_down():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    suite = item.config.stash[SUITE]
    if suite.options.is_off:
        return report
    if report.when != "call" or suite.test.has_ended:
        # A plain dict on the report reaches the controller of xdist as it reaches this process.
        report.dbperf = suite.test.take_numbers()  # type: ignore[attr-defined]  # reports take what they are given
    if call.excinfo is not None and (explanation := explanation_of(call.excinfo.value, item)):
        report.longrepr = longrepr.text_at(
            explanation.lines, explanation.path, explanation.line, explanation.error
        )
    return report


class RunAssembly:
    """The hooks of the process that gathers all results: the only one, or the controller of xdist."""

    def __init__(self, config: pytest.Config, chosen: options.Options) -> None:
        self.config = config
        self.options = chosen
        self.so_far = RunInProgress(enforces=chosen.enforces, project=config.rootpath.name)
        self.run: Run | None = None
        self.suggested: SuggestionSummary | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if hasattr(report, "dbperf"):
            self.so_far.add(
                report.nodeid,
                report.when,
                outcome_of(report),
                report.dbperf,
                (report.start, report.stop),
            )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.so_far.is_complete = False

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        if error:  # A worker of xdist crashed, and took the results of its test with it.
            self.so_far.is_complete = False
        elif wrong := node.workeroutput.get(_WRONG_MARKERS):
            raise pytest.UsageError(*wrong)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        stopped = bool(session.shouldstop or session.shouldfail)
        if stopped or exitstatus not in _EXIT_CODES_OF_WHOLE_RUNS:
            self.so_far.is_complete = False
        self.run = self.so_far.run(int(exitstatus))
        if self.options.wants_sources:
            self.suggested = suggest(self.options.wanted_markers, self.run, self.config.rootpath)
        for kind, path in self.options.files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(FILES[kind](self.run), encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.suggested is not None:
            terminalreporter.section("dbperf suggestions")
            for line in suggestions.lines(self.suggested):
                terminalreporter.line(line)
        if self.run is None or not self.run.tests or self.config.get_verbosity() < -1:
            return
        if self.options.shows_table or self.run.over_limit:
            terminalreporter.section("dbperf")
            for line in terminal.table(self.run, self.options.top):
                terminalreporter.line(line)
        for line in terminal.unused_allowances(self.run):
            terminalreporter.line(line)
        terminalreporter.line(terminal.last_line(self.run))


@pytest.fixture
def dbperf(request: pytest.FixtureRequest) -> LiveRecording:
    """The live recording of this test: `.queries`, `.hops`, `.record()`, `.pause()`, `.assert_constant()`."""
    _listen(request.config)
    return request.config.stash[SUITE].test.recording


def _database_first(request: pytest.FixtureRequest) -> None:
    # Whether its rows are committed must be known before a client serves them.
    for fixture in ("db", "transactional_db"):
        if fixture in request.fixturenames:
            request.getfixturevalue(fixture)


@pytest.fixture
def wsgi_client(request: pytest.FixtureRequest) -> Iterator[WsgiClient]:
    """`django.test.Client`, served on worker threads as by a WSGI server; `.new(workers=4)` makes others."""
    from pytest_dbperf.clients import wsgi

    _listen(request.config)
    _database_first(request)
    with wsgi.serving() as client:
        yield client


@pytest.fixture
def asgi_client(request: pytest.FixtureRequest) -> Iterator[AsgiClient]:
    """`django.test.Client` and its awaitable twins (`aget`), served on an event loop as by an ASGI server."""
    from pytest_dbperf.clients import asgi

    _listen(request.config)
    _database_first(request)
    with asgi.serving() as client:
        yield client


@pytest.fixture
def database_settings(request: pytest.FixtureRequest) -> Iterator[DatabaseSettings]:
    """Change `CONN_MAX_AGE`, `CONN_HEALTH_CHECKS` or `pool` of a database for one test, in every thread."""
    from pytest_dbperf.clients.database_settings import changeable

    _listen(request.config)
    with changeable() as change:
        yield change


def _fixture_of(kind: type[Budget]) -> object:
    def budget(request: pytest.FixtureRequest) -> BudgetFixture:
        _listen(request.config)
        return partial(request.config.stash[SUITE].window, kind)

    budget.__doc__ = f"A budget for a part of a test: `with {usage(kind)} as recording:`, or `async with`."
    return pytest.fixture(name=kind.name)(budget)


# pytest collects fixtures by looking at a plugin's names.
globals().update({kind.name: _fixture_of(kind) for kind in BUDGETS})
