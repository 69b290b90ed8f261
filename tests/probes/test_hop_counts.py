"""The reference lists how often Django's async API hops; these tests fail if an upgrade changes that."""

import json
import os
import subprocess
import sys

import django
import pytest

from tests.hop_counts import columns

SERIES = "{}.{}".format(*django.VERSION)
TABLE = {
    "Models": {"Model.asave": {"5.2": 1, "6.1": 1}},
    "QuerySets": {"QuerySet.aget": {"5.2": 1, "6.1": 0}, "QuerySet.agone": {"6.1": 2}},
}


@pytest.fixture(params=["postgres", "sqlite"])
def measured(request, monkeypatch):
    """What a process with a site of its own measures, on this database."""
    if request.param == "postgres":
        request.getfixturevalue("postgres")
    else:
        monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    done = subprocess.run(
        [sys.executable, "-m", "tests.hop_counts"],
        cwd=columns.HOME,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_reference_has_the_hops_of_this_django(measured):
    """Hops do not depend on the database; no call that this Django has is left out."""
    assert measured["series"] == SERIES
    if complaint := columns.complaint(columns.read(), SERIES, measured["hops"]):
        pytest.fail(complaint, pytrace=False)
    if calls := measured["left out"]:
        pytest.fail(
            f"Django {SERIES} has calls that tests/hop_counts neither measures nor excuses:\n  "
            + "\n  ".join(calls),
            pytrace=False,
        )


def test_the_file_is_written_as_the_command_writes_it(tmp_path, monkeypatch):
    """It is never edited by hand, and a change is one line of a diff."""
    written, table = columns.PATH.read_text(), columns.read()
    monkeypatch.setattr(columns, "PATH", tmp_path / "hop-counts.json")
    columns.write(table)

    assert columns.PATH.read_text() == written


def test_what_differs_is_named_with_both_numbers():
    """And what to do about it."""
    now = {"Models": {"Model.asave": 1}, "QuerySets": {"QuerySet.aget": 1, "QuerySet.anew": 3}}

    assert columns.complaint(TABLE, "6.1", now).splitlines() == [
        "Django 6.1 hops differently from docs/reference/hop-counts.json:",
        "  QuerySet.aget: 0 -> 1",
        "  QuerySet.agone: 2 -> no such call",
        "  QuerySet.anew: no such call -> 3",
        "`python3 run.py hop-counts` writes the new numbers",
    ]


def test_nothing_differs_where_all_is_as_it_was():
    """Then there is nothing to say."""
    assert columns.complaint(TABLE, "5.2", columns.column(TABLE, "5.2")) == ""


def test_a_series_without_a_column_is_named():
    """And where it is to be added."""
    assert columns.complaint(TABLE, "6.2", {}) == (
        "docs/reference/hop-counts.json has no column for Django 6.2: "
        "add it to SERIES in run.py, then `python3 run.py hop-counts`"
    )


def test_a_column_takes_the_place_of_the_one_before():
    """What a series no longer has goes, and so does a call that no series has."""
    assert columns.with_column(TABLE, "6.1", {"QuerySets": {"QuerySet.aget": 1}}) == {
        "Models": {"Model.asave": {"5.2": 1}},
        "QuerySets": {"QuerySet.aget": {"5.2": 1, "6.1": 1}},
    }


def test_columns_are_in_the_order_of_versions():
    """10.0 comes after 6.1."""
    table = columns.with_column(TABLE, "10.0", {"Models": {"Model.asave": 1}})

    assert list(table["Models"]["Model.asave"]) == ["5.2", "6.1", "10.0"]
