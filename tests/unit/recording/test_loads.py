"""The code that asked for a queryset is yours, also if a manager of a library made it."""

import sysconfig
from pathlib import Path
from types import CodeType

import pytest

from pytest_dbperf.recording.loads import QuerySetOrigin

LIBRARY = Path(sysconfig.get_path("purelib"), "library", "managers.py")
YOURS = "campaigns/api.py"


def origin_of(*functions):
    """The origin of a queryset, by the qualified names and files of the functions that led to it."""
    code: CodeType = compile("", "", "exec")
    return QuerySetOrigin(
        tuple(
            (
                code.replace(co_name=name.rpartition(".")[2], co_qualname=name, co_filename=str(filename)),
                0,
            )
            for name, filename in functions
        )
    )


@pytest.mark.parametrize(
    "functions",
    [
        [("TreeManager.get_queryset", LIBRARY)],
        [("TreeManager.get_queryset", LIBRARY), ("TreeManager.roots", LIBRARY)],
        [
            ("TreeManager.get_queryset", LIBRARY),
            ("TreeManager._filter", LIBRARY),
            ("TreeManager.roots", LIBRARY),
        ],
    ],
    ids=["get_queryset", "a method", "methods"],
)
def test_a_method_of_a_manager_asks_for_its_caller(functions):
    """It returns the queryset, so that the line that calls it can add a method."""
    origin = origin_of(*functions, ("view", YOURS))

    assert [code.co_qualname for code, _ in origin.path] == ["view"]
    assert not origin.is_of_others


@pytest.mark.parametrize(
    "functions",
    [
        [("ListView.get_queryset", LIBRARY), ("ListView.get", LIBRARY)],
        [("TreeManager.get_queryset", LIBRARY), ("Node.roots", LIBRARY)],
        [("TreeManager.get_queryset", LIBRARY), ("TreeManager.roots", LIBRARY.with_name("other.py"))],
        [("roots", LIBRARY)],
    ],
    ids=["a view", "a model", "another manager", "a function"],
)
def test_other_code_of_a_library_asks_for_itself(functions):
    """It may evaluate the queryset, or return something else."""
    origin = origin_of(*functions, ("view", YOURS))

    assert origin.path == ()
    assert origin.is_of_others
