"""The house keeps its shape: imports point downwards, and few rooms know pytest, Django or a driver."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pytest_dbperf"

# From the ground up; a module may import from lower floors only.
FLOORS = (
    {"clock", "ownership", "words", "open_connections", "django_caches"},
    {"fingerprint"},
    {"callsite", "plan"},
    {"cause", "decisions", "loads", "memos"},
    {"events"},
    {"crossings", "folding"},
    {"views"},
    {"recording"},
    {"groups", "probes.seam", "probes.hashing", "transactions"},
    {"diagnosis.differences", "probes.threads"},
    {"probes.rows"},
    {"probes.witnesses"},
    {"probes.ledger", "probes.crossing", "probes.loops"},
    {"probes.pools"},
    {
        "violations",
        "probes.queries",
        "probes.connections",
        "probes.hops",
        "probes.executors",
        "probes.hashers",
        "probes.requests",
    },
    {"probes.drivers"},
    {"budgets.budget", "probes"},
    {
        "diagnosis",
        "diagnosis.caches",
        "diagnosis.connections",
        "diagnosis.hops",
        "diagnosis.indexes",
        "diagnosis.repeats",
        "diagnosis.smells",
        "budgets.allowance",
        "budgets.connections",
    },
    {"diagnosis.eager", "diagnosis.proposals", "budgets.repeats"},
    {
        "budgets.query_budget",
        "budgets.max_db_time",
        "budgets.max_new_connections",
        "budgets.max_open_connections",
        "budgets.no_blocking_calls",
        "budgets.no_connection_leaks",
        "budgets.no_idle_in_transaction",
        "budgets.no_n_plus_one",
        "budgets.no_repeated_queries",
        "budgets.no_write_loops",
        "budgets.no_sync_to_async",
        "budgets.no_unindexed_filters",
        "budgets.max_thread_hops",
        "diagnosis.plans",
        "standalone",
        "diagnosis.scaling",
        "memory",
    },
    {"budgets", "enforcement", "results", "worlds"},
    {"measuring", "growth"},
    {"live"},
    {"resolution", "assembly", "reports.json", "reports.openmetrics", "reports.terminal"},
    {"standing", "kinds", "methods"},
    {"reports", "verification", "sources", "suggestions"},
    {"watched", "rewriting"},
    {"writing"},
    {"reports.suggestions"},
    {
        "options",
        "longrepr",
        "lifecycle",
        "lifecycle.json_body",
        "lifecycle.exchange",
        "lifecycle.conditions",
        "lifecycle.loop",
    },
    {"lifecycle.wsgi", "lifecycle.asgi"},
    {"lifecycle.database_settings"},
    {"suite"},
    {"plugin"},
)
FLOOR = {module: floor for floor, modules in enumerate(FLOORS) for module in modules}

KNOW_PYTEST = {"plugin", "options", "longrepr"}
KNOW_DJANGO = {
    "diagnosis.plans",
    "diagnosis.proposals",
    "growth",
    "kinds",
    "probes.connections",
    "probes.executors",
    "probes.drivers",
    "probes.hashers",
    "probes.hops",
    "probes.ledger",
    "probes.loops",
    "probes.pools",
    "probes.queries",
    "probes.requests",
    "probes.rows",
    "probes.witnesses",
    "standing",
    "verification",
    "worlds",
}
# These are made of Django's classes, and imported when a fixture is asked for.
MADE_OF_DJANGO = {name for floor in FLOORS for name in floor if name.startswith("lifecycle.")}
LIBRARIES = {"django", "asgiref", "psycopg", "psycopg_pool", "anyio"}

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
    if path != PACKAGE / "__init__.py"
}


def imports_of(path):
    """The modules that a file imports when it runs; those for type checkers alone are left out."""
    tree = ast.parse(path.read_text())
    for_checkers = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_checkers:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            submodules = [f"{node.module}.{alias.name}" for alias in node.names]
            known = [name for name in submodules if name.removeprefix("pytest_dbperf.") in MODULES]
            yield from known or [node.module]


def rooms_of(path):
    """The modules of this package that a file imports."""
    return {
        name.removeprefix("pytest_dbperf.") for name in imports_of(path) if name.startswith("pytest_dbperf")
    }


def test_every_module_has_its_floor():
    """A new module is placed before it is used."""
    assert set(MODULES) == set(FLOOR)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_downwards(module):
    """A module imports from lower floors only."""
    assert {room for room in rooms_of(MODULES[module]) if FLOOR[room] >= FLOOR[module]} == set()


@pytest.mark.parametrize("module", sorted(set(MODULES) - KNOW_PYTEST))
def test_few_modules_know_pytest(module):
    """The rest can be used, and tested, without it."""
    assert {name.split(".")[0] for name in imports_of(MODULES[module])} & {"pytest", "_pytest"} == set()


def test_one_module_knows_pytests_private_parts():
    """What may change with any release is in one place."""
    assert [name for name in MODULES if any(i.startswith("_pytest") for i in imports_of(MODULES[name]))] == [
        "longrepr"
    ]


@pytest.mark.parametrize("module", sorted(set(MODULES) - KNOW_DJANGO - MADE_OF_DJANGO))
def test_few_modules_know_django_or_a_driver(module):
    """Budgets, messages and reports are made of values."""
    assert {name.split(".")[0] for name in imports_of(MODULES[module])} & LIBRARIES == set()


@pytest.mark.parametrize("module", sorted(KNOW_DJANGO))
def test_libraries_are_imported_when_they_are_needed(module):
    """The plugin can be loaded before Django is configured, and without a driver."""
    tree = ast.parse(MODULES[module].read_text())
    at_import = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]

    assert not any(
        library in ast.unparse(node).split(".")[0].split() for node in at_import for library in LIBRARIES
    )


@pytest.mark.parametrize("module", sorted(set(MODULES) - MADE_OF_DJANGO))
def test_what_is_made_of_django_is_imported_by_functions(module):
    """The module itself can be imported without it."""
    tree = ast.parse(MODULES[module].read_text())
    functions = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) or ast.unparse(node).startswith("if TYPE_CHECKING:")
        for inner in ast.walk(node)
    }
    at_import = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in functions
    ]

    assert [line for line in at_import if "lifecycle" in line] == []


def test_one_module_knows_libcst_and_is_imported_by_functions():
    """It is an extra: only whoever has markers written needs it."""
    knows = [name for name in MODULES if "libcst" in imports_of(MODULES[name])]
    at_import = [
        name
        for name, path in MODULES.items()
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom) and "rewriting" in ast.unparse(node)
    ]

    assert knows == ["rewriting"]
    assert at_import == []


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_answers_one_question(module):
    """Its first line says what it is about, and it is short enough for one answer."""
    text = MODULES[module].read_text()

    assert "?" in ast.get_docstring(ast.parse(text)).splitlines()[0] or module.startswith("reports.")
    assert len(text.splitlines()) <= 300
