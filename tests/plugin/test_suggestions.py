"""A run suggests markers with its numbers, and writes them into the selected files."""

import subprocess

import pytest

from tests.plugin.conftest import IMPORTS, line_of

TESTS = """
@db
def test_list(client):
    client.get("/books/")

@db
@pytest.mark.query_budget(10, reason="as ever")
@pytest.mark.parametrize("number", [1, 3, pytest.param(5, marks=pytest.mark.query_budget(5))])
def test_numbers(number):
    queries(number)

@committed
async def test_count(async_client):
    await Author.objects.acount()

class TestCases(TestCase):
    def test_method(self):
        queries(2)

    async def test_coroutine(self):
        await Author.objects.acount()

class Base:
    @db
    def test_inherited(self):
        queries(self.number)

class TestOne(Base):
    number = 1

class TestTwo(Base):
    number = 2

def test_pure():
    pass

@db
def test_failed():
    queries(1)
    raise ZeroDivisionError

@db
@pytest.mark.xfail
def test_xfailed():
    assert queries(1)

@pytest.mark.skip
def test_skipped():
    pass

@pytest.fixture
def broken():
    raise ZeroDivisionError

@db
def test_error(broken):
    pass
"""


def suggested(result):
    """The lines of the section on suggestions, without the diff."""
    start = next(number for number, line in enumerate(result.outlines) if "= dbperf suggestions =" in line)
    return [
        line for line in result.outlines[start + 1 :] if "@pytest.mark." in line or line.startswith("dbperf")
    ]


def places(result):
    """The suggested markers by test."""
    found, last = {}, ""
    for line in suggested(result):
        place, _, marker = line.partition("@pytest.mark.")
        if marker and not line.startswith(("+", "-", " @")):
            last = place.strip() or last
            found.setdefault(last, []).append(marker)
    return found


@pytest.mark.parametrize("how", [(), ("-n", "2"), ("--dbperf=report",)], ids=["alone", "xdist", "report"])
def test_tests_that_passed_get_markers_with_their_numbers(suite, how):
    """In the order of the file; parameters and classes that share a function share its marker."""
    result = suite.run_tests(TESTS, "--dbperf-suggest", *how)

    def at(text, name):
        return f"test_it.py:{line_of(suite, text) - 1} {name}"

    own = line_of(suite, "query_budget(10") - 1
    assert places(result) == {
        at("def test_list", "test_list"): ["query_budget(1)", "max_new_connections(0)"],
        f"test_it.py:{own} test_numbers": [
            f"query_budget(3, reason='as ever')  # instead of query_budget(10) at test_it.py:{own}",
            "max_new_connections(0)",
        ],
        at("def test_count", "test_count"): [
            "query_budget(1)",
            "max_new_connections(0)",
            "max_thread_hops(1)",
            "no_sync_to_async",
        ],
        f"test_it.py:{line_of(suite, 'def test_method')} TestCases::test_method": [
            "query_budget(2)",
            "max_new_connections(0)",
        ],
        f"test_it.py:{line_of(suite, 'def test_coroutine')} TestCases::test_coroutine": [
            "query_budget(1)",
            "max_new_connections(0)",
            "max_thread_hops(1)",
            "no_sync_to_async",
        ],
        at("def test_inherited", "Base::test_inherited"): ["query_budget(2)", "max_new_connections(0)"],
    }
    assert list(places(result)) == sorted(
        places(result), key=lambda place: int(place.split(":")[1].split()[0])
    )


PASSING = TESTS.partition("@db\ndef test_failed")[0]
WRITE = ("--dbperf-write=test_it.py", "--dbperf-dry-run=no")


@pytest.mark.parametrize("tool", [("patch", "-p1", "--binary"), ("git", "apply")], ids=["patch", "git"])
def test_a_dry_run_shows_a_diff_that_can_be_applied(suite, tool):
    """The diff is what would be written, and the file stays as it is."""
    suite.tests(PASSING)
    dry = suite.run("--dbperf-write=test_it.py")
    untouched = (suite.path / "test_it.py").read_bytes()
    subprocess.run(tool, cwd=suite.path, input=dry.stdout.str().encode(), check=True, capture_output=True)
    applied = (suite.path / "test_it.py").read_bytes()
    suite.tests(PASSING)
    suite.run(*WRITE)

    assert untouched == (IMPORTS + PASSING).encode()
    assert applied == (suite.path / "test_it.py").read_bytes() != untouched
    dry.stdout.fnmatch_lines(
        ["dbperf: 16 markers in 1 file not written: this is a dry run, --dbperf-dry-run=no writes them"]
    )


@pytest.mark.parametrize("how", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_what_was_written_holds_and_there_is_nothing_to_add(suite, how):
    """A second run passes with the new markers, and writes nothing."""
    first = suite.run_tests(PASSING, *WRITE, *how)
    written = (suite.path / "test_it.py").read_bytes()
    second = suite.run(*WRITE, "--dbperf-suggest", *how)

    first.stdout.fnmatch_lines(["dbperf: 16 markers written in 1 file: test_it.py"])
    second.assert_outcomes(passed=10)
    assert suggested(second)[:2] == [
        "dbperf: nothing to suggest: no marker would be new or tighter",
        "dbperf: nothing to write",
    ]
    assert (suite.path / "test_it.py").read_bytes() == written
    assert written.count(b'query_budget(3, reason="as ever")') == 1


def test_what_was_written_fails_the_test_that_gets_worse(suite):
    """A written marker is a budget like any other."""
    suite.run_tests("@db\ndef test_it():\n    queries(2)\n", *WRITE)
    text = (suite.path / "test_it.py").read_text()
    (suite.path / "test_it.py").write_text(text.replace("queries(2)", "queries(3)"))

    suite.run().stdout.fnmatch_lines(["queries 3 > 2 (+1)   query_budget(2) at test_it.py:*"])


def test_only_chosen_tests_are_suggested_and_written(suite):
    """Tests are selected by id, relative to the working directory, or by a pattern."""
    tests = "@db\ndef test_a():\n    queries(1)\n\n@db\ndef test_b():\n    queries(2)\n"
    suite.tests(tests, "here/test_one.py")
    suite.tests(tests, "here/test_two.py")
    suite.pytester.chdir()
    done = subprocess_in(suite, "here", "--dbperf-write=test_one.py::test_b", "--dbperf-write=*two.py::*a")

    assert [line for line in done if "query_budget" in line] == [
        f"here/test_one.py:{line_of(suite, 'def test_b', 'here/test_one.py') - 1} test_b"
        "  @pytest.mark.query_budget(2)",
        f"here/test_two.py:{line_of(suite, 'def test_a', 'here/test_two.py') - 1} test_a"
        "  @pytest.mark.query_budget(1)",
        "+@pytest.mark.query_budget(2)",
        "+@pytest.mark.query_budget(1)",
    ]


def subprocess_in(suite, folder, *args):
    """Run pytest in a folder below the root."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(suite.path / folder)
        patch.setenv("PYTHONPATH", f"{suite.path}:{__import__('os').environ['PYTHONPATH']}")
        return suite.run(*args).outlines


def test_the_root_is_all_tests(suite):
    """As on pytest's command line."""
    result = suite.run_tests("@db\ndef test_it():\n    queries(1)\n", "--dbperf-write=.")

    assert "+@pytest.mark.query_budget(1)" in result.outlines


def test_tests_that_cannot_be_placed_are_named(suite):
    """Each is named with the reason, and the others get their markers."""
    suite.file("elsewhere.py", IMPORTS + "class Base:\n    @db\n    def test_inherited(self): queries(1)\n")
    suite.file("test_doc.txt", ">>> 1\n1\n")
    result = suite.run_tests(
        """
from elsewhere import Base

class TestHere(Base):
    pass

def made():
    @db
    def test(): queries(1)
    return test

test_made = made()

def local():
    class TestLocal:
        @db
        def test_it(self): queries(1)
    return TestLocal

TestLocal = local()

@db
def test_placed():
    queries(1)

@pytest.mark.skip
def test_skipped():
    pass
""",
        "--dbperf-suggest",
        "--dbperf-write=.",
        "--dbperf-write=nowhere.py",
        "--doctest-glob=test_*.txt",
    )

    line = line_of(suite, "def test(): queries")
    inherited = line_of(suite, "    @db", "elsewhere.py")
    result.stdout.fnmatch_lines_random(
        [
            f"dbperf: nothing written for elsewhere.py:{inherited} Base::test_inherited: TestHere inherits *",
            f"dbperf: nothing written for test_it.py:{line - 1} test_made: its file has no function *",
            "dbperf: nothing written for test_it.py:* local::<locals>::TestLocal::test_it: its file has no *",
            "dbperf: nothing written for test_it.py:* test_skipped: none of its tests passed (skipped)",
            "dbperf: nothing written for test_doc.txt::test_doc.txt: a DoctestItem has no decorators",
            "dbperf: --dbperf-write=nowhere.py matches no test that ran",
            "dbperf: 2 markers in 1 file not written: *",
            f"elsewhere.py:{inherited} Base::test_inherited *@pytest.mark.query_budget(1)",
        ]
    )


def test_a_file_that_changes_meanwhile_is_left_alone(suite):
    """The numbers were measured with other code."""
    result = suite.run_tests(
        """
@db
def test_it():
    queries(1)
    with open(__file__, "a") as file:
        file.write("# changed")
""",
        *WRITE,
    )

    assert suggested(result)[-3:-1] == [
        "dbperf: nothing written for test_it.py:21 test_it: its file has changed since it was imported",
        "dbperf: nothing to write",
    ]


def test_a_test_outside_the_root_is_left_alone(suite):
    """Only files below the root are changed."""
    suite.file("inner/pytest.ini", (suite.path / "pytest.ini").read_text())
    suite.tests("@db\ndef test_it():\n    queries(1)\n", "outer/test_out.py")
    result = suite.run("--rootdir=inner", "-c", "inner/pytest.ini", "outer/test_out.py", "--dbperf-write=*")

    result.stdout.fnmatch_lines(
        [f"dbperf: nothing written for {suite.path}/outer/test_out.py:* test_it: it is not below */inner"]
    )


def test_code_behind_a_decorator_of_another_file_has_no_line(suite):
    """The function is found by its name, and the marker stands above the decorator."""
    suite.file(
        "decorators.py",
        "def plain(function):\n    def inner():\n        return function()\n    return inner\n",
    )
    result = suite.run_tests(
        """
from decorators import plain

@db
@plain
def test_it():
    queries(1)
""",
        *WRITE,
    )

    assert suggested(result)[0] == "test_it.py test_it  @pytest.mark.query_budget(1)"
    again = suite.run("--dbperf-suggest")
    assert suggested(again)[0] == "dbperf: nothing to suggest: no marker would be new or tighter"


def test_a_run_that_was_cut_off_writes_nothing(suite):
    """It only suggests."""
    result = suite.run_tests(
        "@db\ndef test_a():\n    queries(1)\n\ndef test_b():\n    assert 0\n\ndef test_c(): pass\n",
        *WRITE,
        "-x",
    )

    assert suggested(result)[:1] == ["test_it.py:20 test_a  @pytest.mark.query_budget(1)"]
    result.stdout.fnmatch_lines(["dbperf: nothing written: the run is incomplete, results are missing"])
    assert (suite.path / "test_it.py").read_text().count("query_budget") == 0


@pytest.mark.parametrize("where", ["in the ini file", "on a class", "on the module"])
def test_what_an_outer_budget_holds_is_not_said_again(suite, where):
    """Only a tighter limit is suggested."""
    mark = "@pytest.mark.query_budget(2)\n@pytest.mark.max_new_connections(0)"
    module = "pytestmark = [pytest.mark.query_budget(2), pytest.mark.max_new_connections(0)]"
    if where == "in the ini file":
        suite.ini("dbperf_query_budget = 2", "dbperf_max_new_connections = 0")
    result = suite.run_tests(
        f"""
{module if where == "on the module" else ""}

{mark if where == "on a class" else ""}
class TestIt:
    @db
    def test_tight(self):
        queries(2)

    @db
    def test_loose(self):
        queries(1)

    @db
    @pytest.mark.query_budget(None, reason="grows")
    def test_lifted(self):
        queries(3)
""",
        "--dbperf-suggest",
    )

    ((place, markers),) = places(result).items()
    assert place.endswith(" TestIt::test_loose")
    assert markers[0].startswith("query_budget(1)  # instead of query_budget(2) ")
    assert len(markers) == 1


def test_a_test_where_nothing_can_count_gets_nothing(suite):
    """A budget would be an error in such a test."""
    suite.file("pytest.ini", "[pytest]\naddopts = -p no:django -p no:randomly\n")
    suite.file(
        "test_bare.py", "import asyncio\n\ndef test_it():\n    asyncio.run(asyncio.to_thread(len, ''))\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
        result = suite.run("--dbperf-write=test_bare.py")

    assert suggested(result)[:2] == [
        "dbperf: nothing to suggest: no marker would be new or tighter",
        "dbperf: nothing written for test_bare.py::test_it: it was not measured",
    ]


@pytest.mark.parametrize(
    ("tests", "args"),
    [
        ("def test_it(): pass", ("--dbperf-suggest", "--collect-only")),
        ("def test_it(): pass", ("--dbperf-write=zzz",)),
        ("def test_it(): assert 0", ("--dbperf-suggest",)),
    ],
    ids=["none ran", "none was chosen", "none passed"],
)
def test_without_a_test_that_passed_nothing_is_known(suite, tests, args):
    """The report tells this from markers that are tight already."""
    result = suite.run_tests(tests, *args)

    assert suggested(result)[0] == "dbperf: nothing to suggest: none of the selected tests passed"


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (
            ("--dbperf-suggest", "--dbperf=off"),
            "ERROR: --dbperf-suggest needs measurements, but dbperf is off",
        ),
        (
            ("--dbperf-write=*", "--dbperf=off"),
            "ERROR: --dbperf-write needs measurements, but dbperf is off",
        ),
        (
            ("--dbperf-dry-run=no", "--dbperf-suggest"),
            "ERROR: --dbperf-dry-run=no needs --dbperf-write=TESTS",
        ),
        *(
            (
                (f"--dbperf-write={text}", "--dbperf-dry-run=no"),
                f"ERROR: --dbperf-write takes a test id or a pattern of test ids, got '{text}'",
            )
            for text in ("", " ", "::test_it")
        ),
        (("--dbperf-dry-run=maybe",), "*argument --dbperf-dry-run: invalid choice: 'maybe'*"),
    ],
)
def test_options_that_mean_nothing_are_usage_errors(suite, args, complaint):
    """The error comes before the first test."""
    result = suite.run_tests("def test_it(): pass", *args)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([complaint])


def test_libcst_is_asked_for_before_the_first_test(suite):
    """libcst is an extra that only --dbperf-write needs."""
    suite.file("conftest.py", "import sys\nsys.modules['libcst'] = None\n")
    suite.tests("@db\ndef test_it():\n    queries(1)\n")
    writing, suggesting = suite.run("--dbperf-write=*"), suite.run("--dbperf-suggest")

    assert writing.ret == pytest.ExitCode.USAGE_ERROR
    writing.stderr.fnmatch_lines(
        ["ERROR: --dbperf-write needs libcst (*): pip install pytest-dbperf[[]suggest[]]"]
    )
    suggesting.stdout.fnmatch_lines(["test_it.py:20 test_it  @pytest.mark.query_budget(1)"])
