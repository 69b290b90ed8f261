"""The package keeps its shape: imports point downwards, and few modules know pytest, Django or a driver."""

import ast
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pytest_dbperf"

# From the ground up: a folder, or a module at the door, imports from lower storeys only.
STOREYS = """
callsites sql longrepr
recording
violations
probes diagnosis plans caches
budgets results standalone
growth suggestions baseline
reports
comparison
options
hookspecs
session
clients
plugin
cli
__main__
"""
STOREY = {name: storey for storey, line in enumerate(STOREYS.split("\n")) for name in line.split()}

KNOW_PYTEST = {"plugin", "hookspecs", "longrepr", "session.run_hooks"}
KNOW_PYTEST |= {"options.chosen", "options.comparing", "options.declared", "options.github_actions"}
KNOW_PYTEST |= {"options.of_baseline", "options.selected"}
# They import it in functions: the plugin loads before Django is configured, and without a driver.
FOLDERS_THAT_KNOW_DJANGO = {"probes", "plans", "growth", "session"}
# These are made of Django's classes, and are imported when a test asks for one of their fixtures.
MADE_OF_DJANGO = "clients"
LIBRARIES = {"django", "asgiref", "psycopg", "psycopg_pool", "anyio"}

ATTRIBUTES_OF_RECORDINGS = {"has_call_sites", "has_driver_queries", "has_samples", "plans", "open_at_start"}

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
    if path != PACKAGE / "__init__.py"
}
FOLDERS = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


@cache
def tree_of(module):
    """The syntax tree of a module."""
    return ast.parse(MODULES[module].read_text())


def without(tree, kinds):
    """The nodes of a tree that are not within certain nodes."""
    for node in ast.iter_child_nodes(tree):
        if not kinds(node):
            yield node
            yield from without(node, kinds)


def is_for_checkers(node):
    """Whether a block is for type checkers alone."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def runs_later(node):
    """Whether the import of a module does not run a node."""
    return is_for_checkers(node) or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def imports_of(module, leave_out=is_for_checkers):
    """The modules that a module imports, in functions as well; those for type checkers alone are left out."""
    for node in without(tree_of(module), leave_out):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            submodules = [f"{node.module}.{alias.name}" for alias in node.names]
            known = [name for name in submodules if name.removeprefix("pytest_dbperf.") in MODULES]
            yield from known or [node.module]


def own_imports_of(module):
    """The modules of this package that a module imports."""
    return {
        name.removeprefix("pytest_dbperf.")
        for name in imports_of(module)
        if name.startswith("pytest_dbperf.")
    }


def folder_of(module):
    """Its folder, or itself if it stands at the door."""
    return module.partition(".")[0]


def libraries_of(names):
    """The packages that modules belong to."""
    return {name.partition(".")[0] for name in names}


def test_every_folder_has_its_storey():
    """A new folder is placed before it is used."""
    assert {folder_of(module) for module in MODULES} == set(STOREY)


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_a_folder_says_its_question(folder):
    """Its `__init__` has one line, and nothing that an import would run."""
    (question,) = tree_of(folder).body

    assert ast.unparse(question).endswith("?'")


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_downwards(module):
    """A folder imports from lower storeys only."""
    own = folder_of(module)
    others = {name for name in own_imports_of(module) if folder_of(name) != own}

    assert {name for name in others if STOREY[folder_of(name)] >= STOREY[own]} == set()


def test_no_folder_has_a_circle_inside():
    """The modules of a folder can be put into an order, too."""
    TopologicalSorter({module: own_imports_of(module) - {module} for module in MODULES}).prepare()


@pytest.mark.parametrize("module", sorted(set(MODULES) - KNOW_PYTEST))
def test_few_modules_know_pytest(module):
    """The rest can be used, and tested, without it."""
    assert libraries_of(imports_of(module)) & {"pytest", "_pytest"} == set()


def test_one_module_knows_pytests_private_parts():
    """What may change with any release is in one place."""
    assert [name for name in MODULES if "_pytest" in libraries_of(imports_of(name))] == ["longrepr"]


@pytest.mark.parametrize(
    "module",
    sorted(name for name in MODULES if folder_of(name) not in {*FOLDERS_THAT_KNOW_DJANGO, MADE_OF_DJANGO}),
)
def test_few_folders_know_django_or_a_driver(module):
    """Budgets, messages and reports are made of values."""
    assert libraries_of(imports_of(module)) & LIBRARIES == set()


@pytest.mark.parametrize("module", sorted(name for name in MODULES if folder_of(name) != MADE_OF_DJANGO))
def test_django_and_its_clients_are_imported_when_they_are_needed(module):
    """The plugin can be loaded before Django is configured, and without a driver."""
    at_import = set(imports_of(module, runs_later))

    assert libraries_of(at_import) & LIBRARIES == set()
    assert {name for name in at_import if name.startswith(f"pytest_dbperf.{MADE_OF_DJANGO}")} == set()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_recordings_are_changed_by_themselves_alone(module):
    """Other code sets them up by their constructors and methods."""
    targets = [
        target
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    outside = [
        ast.unparse(target)
        for target in targets
        if isinstance(target, ast.Attribute)
        and target.attr in ATTRIBUTES_OF_RECORDINGS
        and ast.unparse(target.value) != "self"
    ]

    assert outside == []


def test_one_module_knows_libcst_and_is_imported_by_functions():
    """It is an extra: only those who have markers written need it."""
    rewriting = "suggestions.rewriting"

    assert [name for name in MODULES if "libcst" in libraries_of(imports_of(name))] == [rewriting]
    assert [
        name for name in MODULES if f"pytest_dbperf.{rewriting}" in set(imports_of(name, runs_later))
    ] == []


@pytest.mark.parametrize("module", sorted(set(MODULES) - FOLDERS))
def test_a_module_answers_one_question(module):
    """Its first line says what it is about, and it is short enough for one answer."""
    question = ast.get_docstring(tree_of(module)).splitlines()[0]

    assert "?" in question or module.startswith("reports.")
    assert len(MODULES[module].read_text().splitlines()) <= 300
