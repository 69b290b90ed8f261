"""Markers are written into a file, and nothing else in it changes."""

from textwrap import dedent

import pytest

from pytest_dbperf.suggestions.markers import Suggestion
from pytest_dbperf.suggestions.rewriting import rewrite

BUDGET = Suggestion("query_budget", 7)
OWN = Suggestion("query_budget", 7, arguments="reason='not written'", is_on_function=True)
HOPS = Suggestion("no_sync_to_async")

TABLE = {
    "no decorator": (
        """
        import pytest

        def test_it():
            pass
        """,
        """
        import pytest

        @pytest.mark.query_budget(7)
        def test_it():
            pass
        """,
    ),
    "above others, below its comment": (
        """
        import pytest

        # What it is about.
        @pytest.mark.django_db  # why
        # and
        @other(1,
               2)
        # before
        async def test_it(): pass  # behind
        """,
        """
        import pytest

        # What it is about.
        @pytest.mark.query_budget(7)
        @pytest.mark.django_db  # why
        # and
        @other(1,
               2)
        # before
        async def test_it(): pass  # behind
        """,
    ),
    "an alias of pytest": (
        "import pytest as pt\ndef test_it(): pass\n",
        "import pytest as pt\n@pt.mark.query_budget(7)\ndef test_it(): pass\n",
    ),
    "mark": (
        "from pytest import fixture, mark\ndef test_it(): pass\n",
        "from pytest import fixture, mark\n@mark.query_budget(7)\ndef test_it(): pass\n",
    ),
    "an alias of mark": (
        "from pytest import mark as m\ndef test_it(): pass\n",
        "from pytest import mark as m\n@m.query_budget(7)\ndef test_it(): pass\n",
    ),
    "pytest among others": (
        "import os, pytest; x = 1\ndef test_it(): pass\n",
        "import os, pytest; x = 1\n@pytest.mark.query_budget(7)\ndef test_it(): pass\n",
    ),
    "below a condition": (
        "import pytest\nif pytest:\n  try:\n    def test_it(): pass\n  finally:\n    x = 1\n",
        "import pytest\nif pytest:\n  try:\n    @pytest.mark.query_budget(7)\n    def test_it(): pass\n"
        "  finally:\n    x = 1\n",
    ),
    "not the one within a function": (
        "import pytest\ndef test_it(): pass\ndef other():\n  def test_it(): pass\n",
        "import pytest\n@pytest.mark.query_budget(7)\ndef test_it(): pass\n"
        "def other():\n  def test_it(): pass\n",
    ),
    "carriage returns": (
        "import pytest\r\n\r\ndef test_it():\r\n\treturn 1\r\n",
        "import pytest\r\n\r\n@pytest.mark.query_budget(7)\r\ndef test_it():\r\n\treturn 1\r\n",
    ),
    "mixed line ends, and none at the end": (
        "import pytest\n\r\ndef test_it():\r\n    return 1",
        "import pytest\n\r\n@pytest.mark.query_budget(7)\ndef test_it():\r\n    return 1",
    ),
    "ugly": (
        "import pytest\n\x0c\ndef  test_it ( a,b ,) :   # é ☃ \u2028\n"
        "     x = ( 1,\n2 )  ;  y=f'{x!r:>{a}}'\n",
        "import pytest\n\x0c\n@pytest.mark.query_budget(7)\ndef  test_it ( a,b ,) :   # é ☃ \u2028\n"
        "     x = ( 1,\n2 )  ;  y=f'{x!r:>{a}}'\n",
    ),
    "below what hides marks": (
        "import pytest\n@one\n@staticmethod\n@two\ndef test_it(): pass\n",
        "import pytest\n@one\n@staticmethod\n@pytest.mark.query_budget(7)\n@two\ndef test_it(): pass\n",
    ),
}
IMPORTS = {
    "nothing": ("def test_it(): pass\n", "import pytest\n\n\nX\ndef test_it(): pass\n"),
    "a comment of the file": (
        "# -*- coding: utf-8 -*-\ndef test_it(): pass\n",
        "# -*- coding: utf-8 -*-\nimport pytest\n\n\nX\ndef test_it(): pass\n",
    ),
    "a comment of the test": (
        "# Licence.\n\n# About it.\ndef test_it(): pass\n",
        "# Licence.\n\nimport pytest\n\n\n# About it.\nX\ndef test_it(): pass\n",
    ),
    "a docstring": (
        '"""Tests."""\n\n\ndef test_it(): pass\n',
        '"""Tests."""\n\nimport pytest\n\n\nX\ndef test_it(): pass\n',
    ),
    "a docstring and the future": (
        '"""Tests."""\nfrom __future__ import annotations\n\nX = 1\n\ndef test_it(): pass\n',
        '"""Tests."""\nfrom __future__ import annotations\n\nimport pytest\n\nX = 1\n\n'
        "X\ndef test_it(): pass\n",
    ),
    "the standard library": (
        "from __future__ import annotations\n\nimport os\nfrom pathlib import Path\n\n\n"
        "def test_it(): pass\n",
        "from __future__ import annotations\n\nimport os\nfrom pathlib import Path\n\nimport pytest\n\n\n"
        "X\ndef test_it(): pass\n",
    ),
    "others": (
        "import os\n\nfrom django.db import models\n\nfrom . import shop\n\n\ndef test_it(): pass\n",
        "import os\n\nimport pytest\nfrom django.db import models\n\nfrom . import shop\n\n\n"
        "X\ndef test_it(): pass\n",
    ),
    "others in order": (
        "import factory\nimport numpy, scipy\nimport shop\n\n\ndef test_it(): pass\n",
        "import factory\nimport numpy, scipy\nimport pytest\nimport shop\n\n\nX\ndef test_it(): pass\n",
    ),
    "others in groups": (
        "import factory\n\nimport mine\n\n\ndef test_it(): pass\n",
        "import factory\nimport pytest\n\nimport mine\n\n\nX\ndef test_it(): pass\n",
    ),
    "a comment of an import": (
        "import os\n\n# Before the others.\nfrom . import shop\ndef test_it(): pass\n",
        "import os\n\nimport pytest\n# Before the others.\nfrom . import shop\nX\ndef test_it(): pass\n",
    ),
    "an import that does more": (
        "import os; os.umask(0)\n\n\ndef test_it(): pass\n",
        "import pytest\n\nimport os; os.umask(0)\n\n\nX\ndef test_it(): pass\n",
    ),
    "pytest for type checkers": (
        "if TYPE_CHECKING:\n    import pytest\n\n\ndef test_it(): pass\n",
        "import pytest\n\nif TYPE_CHECKING:\n    import pytest\n\n\nX\ndef test_it(): pass\n",
    ),
    "pytest too late": (
        "def test_it(): pass\n\n\nimport pytest\n",
        "import pytest\n\n\nX\ndef test_it(): pass\n\n\nimport pytest\n",
    ),
    "all of pytest": (
        "from pytest import *\n\n\ndef test_it(): pass\n",
        "import pytest\nfrom pytest import *\n\n\nX\ndef test_it(): pass\n",
    ),
}
OWN_MARKERS = {
    "plain": ("@pytest.mark.query_budget(10)", "@pytest.mark.query_budget(7)"),
    "with other arguments": (
        '@pytest.mark.query_budget( 10 , tables = {"a":1},\n  reason="why", )  # note',
        '@pytest.mark.query_budget( 7 , tables = {"a":1},\n  reason="why", )  # note',
    ),
    "by name": (
        "@pytest.mark.query_budget(using='default', limit = 10)",
        "@pytest.mark.query_budget(using='default', limit = 7)",
    ),
    "an alias": ("@pt.mark.query_budget(10)", "@pt.mark.query_budget(7)"),
    "mark": ("@mark.query_budget(10)", "@mark.query_budget(7)"),
    "an alias of mark": ("@m.query_budget(10)", "@m.query_budget(7)"),
    "among others": (
        "@one\n@mark.query_budget(10)\n# c\n@two.three(4)",
        "@one\n@mark.query_budget(7)\n# c\n@two.three(4)",
    ),
    "as tight": ("@pytest.mark.query_budget(0x7)", "@pytest.mark.query_budget(0x7)"),
}
ALL_IMPORTS = "import pytest\nimport pytest as pt\nfrom pytest import mark, mark as m\n\n"


def rewritten(source, *markers, name="test_it"):
    """The new source; a second rewrite changes nothing."""
    done = rewrite(source.encode(), {name: markers})
    assert done.refused == {}
    assert rewrite(done.source, {name: markers}).source == done.source
    return done.source.decode()


@pytest.mark.parametrize("case", TABLE)
def test_a_marker_is_added(case):
    """Above the other decorators, and nothing else changes."""
    before, after = TABLE[case]

    assert rewritten(dedent(before), BUDGET) == dedent(after)


@pytest.mark.parametrize("case", IMPORTS)
def test_pytest_is_imported_where_a_sorted_file_has_it(case):
    """It goes after the docstring, __future__ and the standard library."""
    before, after = IMPORTS[case]

    assert rewritten(before, BUDGET) == after.replace("X\ndef", "@pytest.mark.query_budget(7)\ndef")


@pytest.mark.parametrize("case", OWN_MARKERS)
def test_a_marker_that_is_there_gets_the_new_limit(case):
    """In any spelling; its other arguments and comments stay."""
    before, after = (f"{ALL_IMPORTS}{decorators}\ndef test_it(): pass\n" for decorators in OWN_MARKERS[case])

    assert rewritten(before, OWN) == after


def test_markers_of_an_import_below_a_condition_are_known():
    """`try: import pytest` is an import, too."""
    before = "try:\n    import pytest as p\nfinally: pass\n@p.mark.query_budget(8)\ndef test_it(): 1\n"

    assert rewritten(before, OWN) == before.replace("(8)", "(7)")


def test_several_markers_are_written_in_their_order():
    """New markers go on top, existing ones keep their position."""
    before = "import pytest\n@pytest.mark.query_budget(9)\nasync def test_it(): pass\n"
    markers = (OWN, Suggestion("max_thread_hops", 3, "per_request=True", is_per_request=True), HOPS)

    assert rewritten(before, *markers) == (
        "import pytest\n@pytest.mark.max_thread_hops(3, per_request=True)\n@pytest.mark.no_sync_to_async\n"
        "@pytest.mark.query_budget(7)\nasync def test_it(): pass\n"
    )


def test_a_marker_of_requests_is_told_from_that_of_the_test():
    """Each gets its own limit; what is neither True nor False is taken for True."""
    of_requests = Suggestion("query_budget", 3, "per_request=True", is_on_function=True, is_per_request=True)
    before = (
        "import pytest\n@pytest.mark.query_budget(9, per_request=True)\n"
        "@pytest.mark.query_budget(8, per_request=False)\ndef test_it(): pass\n"
    )

    assert rewritten(before, OWN, of_requests) == before.replace("(9,", "(3,").replace("(8,", "(7,")
    with_name = before.replace("True", "EACH")
    assert rewritten(with_name, OWN, of_requests) == with_name.replace("(9,", "(3,").replace("(8,", "(7,")


def test_a_method_is_found_by_its_classes():
    """Functions of the same name elsewhere do not change, and tabs stay tabs."""
    before = (
        "import pytest\ndef test_it(): pass\nclass TestA:\n\tdef test_it(self): pass\n"
        "\tclass TestB:\n\t\tx = 1\n\n\t\t# c\n\t\tdef test_it(self): pass\n"
    )

    assert rewritten(before, BUDGET, name="TestA.TestB.test_it") == before.replace(
        "\t\tdef", "\t\t@pytest.mark.query_budget(7)\n\t\tdef"
    )


@pytest.mark.parametrize(
    "source",
    [
        b"# -*- coding: latin-1 -*-\nimport pytest\ndef test_it(): return '\xe9'\n",
        b"\xef\xbb\xbfimport pytest\ndef test_it(): return '\xc3\xa9'\n",
    ],
    ids=["latin-1", "byte order mark"],
)
def test_the_encoding_stays(source):
    """The file declares its encoding."""
    done = rewrite(source, {"test_it": [BUDGET]})

    assert done.source == source.replace(b"def", b"@pytest.mark.query_budget(7)\ndef")


TWICE = "def test_it(): pass\n"


@pytest.mark.parametrize(
    ("source", "name", "marker", "reason"),
    [
        (
            "test_it = make()\n",
            "test_it",
            BUDGET,
            "its file has no function of this name: it is generated or *",
        ),
        ("def test_it(): pass\n", "TestA.test_it", BUDGET, "its file has no function of this name*"),
        (TWICE + TWICE, "test_it", BUDGET, "its file has several functions of this name"),
        ("def test_it(: pass\n", "test_it", BUDGET, "libcst cannot read its file: *"),
        (
            f"def test_it():\n    a = {' + '.join(['1'] * 1200)}\n",
            "test_it",
            BUDGET,
            "libcst cannot read its file: an expression in it has too many terms, or is nested too deeply",
        ),
        (
            "# coding: nonsense\ndef test_it(): pass\n",
            "test_it",
            BUDGET,
            "libcst cannot read its file: unknown encoding: nonsense",
        ),
        (
            "@pytest.mark.query_budget(LIMIT)\ndef test_it(): pass\n",
            "test_it",
            OWN,
            "the limit of its query_budget is not written as a number",
        ),
        (
            "@pytest.mark.query_budget(*LIMITS)\ndef test_it(): pass\n",
            "test_it",
            OWN,
            "the limit of its query_budget is not written as a number",
        ),
        (
            "few = pytest.mark.query_budget(9)\n@few\n@a[0]\ndef test_it(): pass\n",
            "test_it",
            OWN,
            "its query_budget is not written as @pytest.mark.query_budget",
        ),
        (
            "@pytest.mark.query_budget(9)\n@pytest.mark.query_budget(8)\ndef test_it(): pass\n",
            "test_it",
            OWN,
            "it has more than one query_budget",
        ),
    ],
)
def test_a_function_that_cannot_be_placed_is_left_alone(source, name, marker, reason):
    """It gets none of its markers, and the result names the reason."""
    done = rewrite(source.encode(), {name: [HOPS, marker]})

    assert done.source == source.encode()
    (told,) = done.refused.values()
    assert told.startswith(reason.rstrip("*"))
    assert reason.endswith("*") or told == reason


def test_one_that_is_left_alone_does_not_stop_the_others():
    """Each function has a reason of its own."""
    done = rewrite(b"import pytest\ndef test_a(): pass\n", {"test_a": [BUDGET], "test_b": [BUDGET]})

    assert done.source == b"import pytest\n@pytest.mark.query_budget(7)\ndef test_a(): pass\n"
    assert set(done.refused) == {"test_b"}
