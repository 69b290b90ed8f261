"""The nearest level that has a marker of a name decides, and pytest's own nodes say what is near."""

import pytest

from pytest_dbperf.budgets.budget import WrongArguments
from pytest_dbperf.budgets.max_new_connections import MaxNewConnections
from pytest_dbperf.budgets.no_sync_to_async import NoSyncToAsync
from pytest_dbperf.budgets.placed import FARTHER, NEARER, ON_FUNCTION, PlacedBudget
from pytest_dbperf.budgets.query_budget import QueryBudget
from pytest_dbperf.budgets.resolution import budgets_for, levels_of, without_lifted

CLASSES = {budget.name: budget for budget in (QueryBudget, MaxNewConnections, NoSyncToAsync)}


# Nothing but pytest itself collects: its own nodes and levels are what is resolved here.
OTHERS = (
    "dbperf",
    "django",
    "asyncio",
    "anyio",
    "faker",
    "hypothesispytest",
    "randomly",
    "rerunfailures",
    "xdist",
)
MARKERS = "[pytest]\nmarkers =\n  query_budget\n  max_new_connections\n  no_sync_to_async\n  slow\n"


@pytest.fixture
def collect(pytester):
    """Collect a module as pytest does, and return its tests by name."""
    pytester.makeini(MARKERS)

    def collected(source):
        pytester.makepyfile("from pytest import mark, param\n" + source)
        items, _ = pytester.inline_genitems(*(f"-pno:{plugin}" for plugin in OTHERS))
        return {item.name: item for item in items}

    return collected


@pytest.fixture
def budgets(collect):
    """Resolve the budgets of each test of a module, as (written, where, how near)."""

    def resolved(source, *defaults):
        return {
            name: [
                (str(placed), placed.nearness)
                for placed in budgets_for(item, defaults, "pytest.ini", CLASSES)
            ]
            for name, item in collect(source).items()
        }

    return resolved


def limits(item, *defaults):
    """Return the limits that hold for a test."""
    return [placed.budget.limit for placed in budgets_for(item, defaults, "pytest.ini", CLASSES)]


def test_a_function_says_its_line(budgets):
    """The line is that of the test as pytest counts it, from one."""
    found = budgets("\n\n@mark.query_budget(3)\ndef test_a(): pass\n")

    assert found == {
        "test_a": [("query_budget(3) at test_a_function_says_its_line.py:4", ON_FUNCTION)],
    }


def test_a_parameter_is_nearer_than_its_function(budgets):
    """pytest itself looks at the function first."""
    found = budgets(
        "@mark.parametrize('x', [param(0, marks=mark.query_budget(1)), 1])\n"
        "@mark.query_budget(2)\n"
        "def test_a(x): pass\n"
    )

    line = "at test_a_parameter_is_nearer_than_its_function.py:2"
    assert found == {
        "test_a[0]": [(f"query_budget(1) {line}", NEARER)],
        "test_a[1]": [(f"query_budget(2) {line}", ON_FUNCTION)],
    }


def test_a_class_is_nearer_than_its_base(budgets):
    """The MRO decides, and the text names the class that has the marker."""
    found = budgets(
        "@mark.query_budget(1)\n"
        "class Base:\n"
        "    def test_a(self): pass\n"
        "class TestPlain(Base): pass\n"
        "@mark.query_budget(2)\n"
        "class TestMarked(Base):\n"
        "    def test_b(self): pass\n"
    )

    assert found == {
        "test_a": [("query_budget(2) on TestMarked", FARTHER)],
        "test_b": [("query_budget(2) on TestMarked", FARTHER)],
    }


def test_a_limit_of_requests_is_apart_from_that_of_the_test(budgets):
    """A marker replaces those farther away that limit the same: requests, or the test."""
    found = budgets(
        "pytestmark = [mark.query_budget(1), mark.query_budget(2, per_request=True)]\n"
        "def test_a(): pass\n"
        "@mark.query_budget(3)\n"
        "class TestOfTest:\n"
        "    @mark.query_budget(4, per_request=True)\n"
        "    def test_b(self): pass\n"
        "@mark.query_budget(None, per_request=True)\n"
        "class TestOfRequests:\n"
        "    @mark.query_budget(6, per_request=False)\n"
        "    def test_c(self): pass\n"
    )

    assert {name: [text.split(")")[0] for text, _ in held] for name, held in found.items()} == {
        "test_a": ["query_budget(1", "query_budget(2, per_request=True"],
        "test_b": ["query_budget(3", "query_budget(4, per_request=True"],
        "test_c": ["query_budget(6", "query_budget(None, per_request=True"],
    }


def test_a_default_of_requests_is_apart_from_that_of_the_test(budgets):
    """A test may have both, and a marker replaces one of them."""
    defaults = QueryBudget(60), QueryBudget(26, per_request=True)
    found = budgets(
        "def test_a(): pass\n"
        "@mark.query_budget(9)\n"
        "def test_b(): pass\n"
        "@mark.query_budget(9, per_request=True)\n"
        "def test_c(): pass\n",
        *defaults,
    )

    whole, of_requests = "query_budget(60) in pytest.ini", "query_budget(26, per_request=True) in pytest.ini"
    line = "at test_a_default_of_requests_is_apart_from_that_of_the_test.py"
    assert {name: [text for text, _ in held] for name, held in found.items()} == {
        "test_a": [whole, of_requests],
        "test_b": [f"query_budget(9) {line}:3", of_requests],
        "test_c": [whole, f"query_budget(9, per_request=True) {line}:5"],
    }


def test_a_base_class_holds_where_nothing_is_nearer(budgets):
    """A marker is inherited, and the text names the base."""
    found = budgets(
        "@mark.query_budget(1)\nclass Base:\n    def test_a(self): pass\nclass TestPlain(Base): pass\n"
    )

    assert found == {"test_a": [("query_budget(1) on Base", FARTHER)]}


def test_a_class_may_have_one_marker_as_attribute(budgets):
    """`pytestmark` is one marker or a list of them."""
    found = budgets(
        "class TestOne:\n"
        "    pytestmark = mark.query_budget(1)\n"
        "    def test_a(self): pass\n"
        "class TestList:\n"
        "    pytestmark = [mark.slow, mark.query_budget(2)]\n"
        "    def test_b(self): pass\n"
    )

    assert found == {
        "test_a": [("query_budget(1) on TestOne", FARTHER)],
        "test_b": [("query_budget(2) on TestList", FARTHER)],
    }


def test_an_outer_class_holds_for_a_nested_one(budgets):
    """The nodes of pytest are walked outwards, not only the class of the test."""
    found = budgets(
        "@mark.query_budget(1)\nclass TestOuter:\n    class TestInner:\n        def test_a(self): pass\n"
    )

    assert found == {"test_a": [("query_budget(1) on TestOuter", FARTHER)]}


def test_a_module_is_named_by_its_node(budgets):
    """A class is nearer than a module."""
    found = budgets(
        "pytestmark = [mark.query_budget(1)]\n"
        "def test_a(): pass\n"
        "@mark.query_budget(2)\n"
        "class TestNear:\n"
        "    def test_b(self): pass\n"
    )

    assert found == {
        "test_a": [("query_budget(1) in test_a_module_is_named_by_its_node.py", FARTHER)],
        "test_b": [("query_budget(2) on TestNear", FARTHER)],
    }


def test_a_marker_that_is_added_first_is_the_nearest(collect):
    """`add_marker(append=False)` asks for that, and the text says that it was added."""
    item = collect("@mark.query_budget(3)\ndef test_a(): pass\n")["test_a"]
    item.add_marker(pytest.mark.query_budget(1), append=False)

    found = budgets_for(item, (), "pytest.ini", CLASSES)

    assert [(str(placed), placed.nearness) for placed in found] == [
        ("query_budget(1) added to test_a", NEARER)
    ]


def test_a_marker_that_is_added_last_is_farther_than_the_function(collect):
    """A hook that adds a default to every test does not replace what a test says."""
    items = collect(
        "@mark.query_budget(3)\ndef test_a(): pass\ndef test_b(): pass\n@mark.slow\ndef test_c(): pass\n"
    )
    for item in items.values():
        item.add_marker(pytest.mark.query_budget(1))

    assert limits(items["test_a"]) == [3]
    assert limits(items["test_b"]) == [1]
    assert limits(items["test_c"]) == [1]
    for name in ("test_b", "test_c"):
        [added] = budgets_for(items[name], (), "pytest.ini", CLASSES)
        assert (added.written_at, added.nearness) == (f"added to {name}", FARTHER)


def test_an_added_marker_is_nearer_than_the_class(collect):
    """It belongs to the test, the marker of the class to all its tests."""
    item = collect("@mark.query_budget(5)\nclass TestA:\n    def test_a(self): pass\n")["test_a"]
    item.add_marker(pytest.mark.query_budget(1))

    assert limits(item) == [1]


def test_the_levels_of_a_test_come_nearest_first(collect):
    """All of them, also those without a marker of ours."""
    item = collect(
        "pytestmark = mark.slow(1)\n"
        "@mark.slow(2)\n"
        "class TestA:\n"
        "    @mark.parametrize('x', [param(0, marks=mark.slow(3))])\n"
        "    @mark.slow(4)\n"
        "    def test_a(self, x): pass\n"
    )["test_a[0]"]
    item.add_marker(pytest.mark.slow(5), append=False)
    item.add_marker(pytest.mark.slow(6))

    found = [
        (level.written_at, [mark.args[0] for mark in level.marks if mark.name == "slow"])
        for level in levels_of(item)
    ]

    name = "test_the_levels_of_a_test_come_nearest_first.py"
    assert [entry for entry in found if entry[1]] == [
        ("added to test_a[0]", [5]),
        (f"at {name}:5", [3]),
        (f"at {name}:5", [4]),
        ("added to test_a[0]", [6]),
        ("on TestA", [2]),
        (f"in {name}", [1]),
    ]


def test_all_markers_of_the_nearest_level_hold(budgets):
    """Two aliases of one test may have a budget each; a farther level adds nothing."""
    found = budgets(
        "pytestmark = mark.query_budget(9)\n"
        "@mark.query_budget(1, using='default')\n"
        "@mark.query_budget(2, using='other')\n"
        "def test_a(): pass\n"
    )

    assert [text.split(" at ")[0] for text, _ in found["test_a"]] == [
        "query_budget(2, using='other')",
        "query_budget(1, using='default')",
    ]


def test_names_are_resolved_one_by_one(collect):
    """The budget of the function does not hide another budget of the class."""
    item = collect(
        "@mark.query_budget(5)\n"
        "@mark.max_new_connections(2)\n"
        "class TestA:\n"
        "    @mark.query_budget(1)\n"
        "    def test_a(self): pass\n"
    )["test_a"]

    assert limits(item) == [1, 2]


def test_an_ini_default_holds_where_no_marker_does(collect):
    """Also beside a marker of another name."""
    items = collect("@mark.query_budget(1)\ndef test_a(): pass\ndef test_b(): pass\n")
    defaults = (QueryBudget(7), MaxNewConnections(3), QueryBudget(8, using="other"))

    assert limits(items["test_a"], *defaults) == [1, 3]
    assert limits(items["test_b"], *defaults) == [7, 8, 3]
    assert {
        placed.written_at for placed in budgets_for(items["test_b"], defaults, "pytest.ini", CLASSES)
    } == {"in pytest.ini"}


def test_budgets_come_in_the_order_of_their_classes(collect):
    """A message looks the same whatever the order of the decorators."""
    item = collect(
        "@mark.no_sync_to_async\n@mark.query_budget(1)\n@mark.max_new_connections(2)\ndef test_a(): pass\n"
    )["test_a"]

    assert [placed.budget.name for placed in budgets_for(item, (), "pytest.ini", CLASSES)] == list(CLASSES)


def test_markers_of_others_are_left_alone(budgets):
    """Only the names of budgets are read."""
    assert budgets("@mark.slow(5)\ndef test_a(): pass\n") == {"test_a": []}


def test_a_test_without_a_function_has_the_budgets_of_its_parents(collect):
    """An item of another plugin, such as a doctest, may have no function and no parameters."""
    item = collect("pytestmark = mark.query_budget(4)\ndef test_a(): pass\n")["test_a"]

    class TextItem(pytest.Item):
        def runtest(self):
            """Run nothing."""

    text = TextItem.from_parent(item.parent, name="paragraph")

    assert limits(text) == [4]
    assert next(iter(levels_of(text))).written_at == "added to paragraph"
    assert [level.written_at for level in levels_of(text)][1].endswith(".py:1")


def test_wrong_arguments_are_refused(collect):
    """The error comes from the budget's own class."""
    item = collect("@mark.query_budget(-1)\ndef test_a(): pass\n")["test_a"]

    with pytest.raises(WrongArguments, match="query_budget limit must be >= 0, got -1"):
        budgets_for(item, (), "pytest.ini", CLASSES)


def test_a_budget_that_only_lifts_is_left_out():
    """It has replaced the outer one, and checks nothing itself."""
    lifted, kept = PlacedBudget(QueryBudget(None), "here"), PlacedBudget(QueryBudget(3), "here")

    assert without_lifted([lifted, kept]) == [kept]
    assert without_lifted([kept, lifted, kept]) == [kept, kept]
