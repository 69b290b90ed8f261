"""GitLab gets a code quality report by its published rules."""

import json

import pytest

from pytest_dbperf.reports.files import FILES
from tests.unit.reports.runs import FAILED, HOSTILE, finding, result, run, violation

SEVERITIES = {"info", "minor", "major", "critical", "blocker"}


def entries_of(text):
    """Read a report, and compare it with GitLab's rules for code quality reports."""
    assert not text.startswith("\ufeff"), "without a byte order mark"
    entries = json.loads(text)
    assert isinstance(entries, list), "one array"
    for entry in entries:
        assert set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert all(isinstance(entry[name], str) for name in ("description", "check_name", "fingerprint"))
        assert entry["severity"] in SEVERITIES
        path, lines = entry["location"]["path"], entry["location"]["lines"]
        assert path, "a file"
        assert not path.startswith(("/", "./")), "relative to the repository"
        assert type(lines["begin"]) is int, "a line"
        assert lines["begin"] >= 1
    assert len({entry["fingerprint"] for entry in entries}) == len(entries), "unique fingerprints"
    return entries


def test_each_cause_is_an_entry():
    """Its fingerprint stays the same when lines move: GitLab compares it with that of the target branch."""
    (entry,) = entries_of(FILES["gitlab"](run(FAILED, directory="backend")))
    moved = result(
        findings=[finding(count=2, lines=["shop/views.py:99 titles_and_names"])], violations=[violation()]
    )
    (later,) = entries_of(FILES["gitlab"](run(moved)))

    assert entry == {
        "description": "Book.author 25 times in shop/views.py titles_and_names, in 1 test "
        '(fix: shop/views.py:11  .select_related("author")   26 -> 2 queries, within budget)',
        "check_name": "dbperf/no_n_plus_one",
        "fingerprint": later["fingerprint"],
        "severity": "major",
        "location": {"path": "backend/shop/views.py", "lines": {"begin": 11}},
    }
    assert later["location"]["lines"]["begin"] == 99


def test_a_cause_that_fails_no_test_is_minor():
    """As with --dbperf=report."""
    test = result(outcome="passed", findings=[finding()], violations=[violation()])

    assert [entry["severity"] for entry in entries_of(FILES["gitlab"](run(test)))] == ["minor"]


def test_one_entry_is_one_line():
    """`diff` can compare two reports."""
    tests = [
        result(f"tests/test_{name}.py::test", findings=[finding(f"Book.{name}")], violations=[violation()])
        for name in "abc"
    ]
    text = FILES["gitlab"](run(*tests))

    assert len(entries_of(text)) == 3
    assert len(text.splitlines()) == 5


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_gives_a_valid_report(text):
    """It is ASCII, and of no unusual length."""
    test = result(
        f"{text}::test",
        findings=[finding(text, function=f"{text} view", fix=text, lines=[f"{text}:3 view"])],
        violations=[violation()],
    )
    written = FILES["gitlab"](run(test))

    assert len(entries_of(written)) == 1
    assert written.isascii()
    assert len(written) < 5_000
