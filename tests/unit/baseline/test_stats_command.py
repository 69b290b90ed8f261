"""`dbperf baseline stats` counts debts, and lists what to fix first."""

import json

import pytest

from pytest_dbperf.baseline.files import NAME
from pytest_dbperf.reports.json import document
from tests.unit.baseline.test_burdens import finding, run_of

LINES = (
    "finding\tno_n_plus_one\tBook.author\tshop/views.py titles\t# slow, owner=@shop, until=2020-03",
    "route\tGET books/\tqueries=26",
)


def test_debts_are_counted_and_those_that_expired_are_listed(repository):
    """By folder, owner and age."""
    repository.commit(*LINES)

    assert repository.dbperf("stats") == (
        0,
        f"{NAME}: 2 debts (finding 1, route 1)\n"
        "\nby folder\n  1  (routes)\n  1  shop\n"
        "\nby owner\n  1  @shop\n  1  no owner\n"
        "\nby age: since the line was last changed\n  2  less than a month\n"
        "\nto look at now\n"
        f"  {NAME}:2: finding no_n_plus_one Book.author shop/views.py titles: expired on 2020-03-31\n",
    )


def test_without_git_the_age_is_unknown(repository):
    """And all else is told."""
    repository.write("a=1")

    code, said = repository.dbperf("stats")
    assert code == 0
    assert "\n\nage: unknown: `git blame` failed in " in said
    assert "by age" not in said


def test_a_shallow_clone_knows_no_age_for_sure(repository, monkeypatch):
    """All older lines seem to come from its first commit."""
    repository.commit("a=1")
    repository.commit("a=1", "b=1")
    clone = repository.path.parent / "clone"
    repository.git("clone", "--quiet", "--depth=1", f"file://{repository.path}", str(clone))
    monkeypatch.chdir(clone)

    assert (
        "\n\nage: this clone is shallow, so lines may be older; run `git fetch"
        in repository.dbperf("stats")[1]
    )


def test_an_empty_baseline_has_nothing_to_count(repository):
    """One line says so."""
    repository.commit()

    assert repository.dbperf("stats") == (0, f"{NAME}: 0 debts\n")


def test_what_to_fix_first_comes_from_a_run(repository):
    """Each finding with its line and its fix, and with how many tests and routes it burdens."""
    repository.commit(*LINES)
    books = [("GET /books/", "books/")]
    findings = [finding("Book.author", fix='.select_related("author")'), finding("Book.tags", in_tests=True)]
    repository.path.joinpath("run.json").write_text(
        document(run_of((books, findings), (books, findings), ([], findings[:1])))
    )

    assert repository.dbperf("stats", "--run=run.json")[1].endswith(
        "\nfix first\n"
        "  3 tests, 1 route: finding no_n_plus_one Book.author shop/views.py titles (a debt)\n"
        "    shop/views.py:31 titles\n"
        '    .select_related("author")\n'
        "  2 tests, 1 route: finding no_n_plus_one Book.tags shop/views.py titles"
        " (no debt, in the tests' own code)\n"
        "    shop/views.py:31 titles\n"
    )
    assert repository.dbperf("stats", "--run=run.json", "--top=1")[1].endswith(
        "\n  ... 1 more (--top=2 lists all)\n"
    )


def test_a_run_may_have_no_findings(repository):
    """Then there is nothing to fix."""
    repository.commit()
    repository.path.joinpath("run.json").write_text(document(run_of(([], []))))

    assert repository.dbperf("stats", "--run=run.json")[1].endswith(
        "\nfix first: nothing was found in that run\n"
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[]", "run.json is not read: it is no run of pytest-dbperf"),
        (b'{"schema": "dbperf-run/2"}', "run.json is not read: it has the schema dbperf-run/2"),
        (b"\xff", "run.json is no JSON, or is cut off: 'utf-8' codec can't decode"),
    ],
)
def test_a_file_that_is_no_run_is_an_error(repository, content, problem):
    """It is named."""
    repository.commit()
    repository.path.joinpath("run.json").write_bytes(content)

    code, said = repository.dbperf("stats", "--run=run.json")
    assert code == 4
    assert said.startswith(f"dbperf baseline: {problem}")
    assert repository.dbperf("stats", "--run=missing.json")[0] == 4


def test_it_can_be_read_by_programs(repository):
    """All that is told, as JSON, and all findings."""
    repository.commit(*LINES)
    repository.path.joinpath("run.json").write_text(
        document(run_of(([("GET /books/", "books/")], [finding("Book.author")])))
    )

    assert json.loads(repository.dbperf("stats", "--run=run.json", "--json", "--top=0")[1]) == {
        "schema": "dbperf-baseline-stats/1",
        "file": NAME,
        "debts": 2,
        "by_type": {"finding": 1, "route": 1},
        "by_folder": {"(routes)": 1, "shop": 1},
        "by_owner": {"@shop": 1, "no owner": 1},
        "by_age": {"less than a month": 2},
        "age_note": "",
        "expired": [
            {
                "debt_type": "finding",
                "names": ["no_n_plus_one", "Book.author", "shop/views.py titles"],
                "line": 2,
                "until": "2020-03-31",
                "problem": "expired on 2020-03-31",
                "comment": "slow, owner=@shop, until=2020-03",
            }
        ],
        "fix_first": [
            {
                "budget": "no_n_plus_one",
                "subject": "Book.author",
                "function": "shop/views.py titles",
                "tests": ["test_0"],
                "routes": ["GET books/"],
                "requests": 1,
                "is_accepted": True,
                "in_tests": False,
                "fix": "",
                "lines": ["shop/views.py:31 titles"],
            }
        ],
    }
    assert json.loads(repository.dbperf("stats", "--json")[1])["fix_first"] is None
