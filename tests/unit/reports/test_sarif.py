"""Code scanning tools get SARIF by its published rules."""

import json
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import pytest

from pytest_dbperf.budgets.built_in import BUDGETS
from pytest_dbperf.reports import sarif
from pytest_dbperf.reports.files import FILES
from tests.unit.reports.runs import FAILED, FINE, HOSTILE, finding, number, result, run, violation

TEXT = {
    "type": "object",
    "required": ["text"],
    "additionalProperties": False,
    "properties": {"text": {"type": "string"}},
}


def closed(required, **properties):
    """An object with these properties alone."""
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


def array(items, **rules):
    """An array of such items."""
    return {"type": "array", "items": items, **rules}


NOTICE = closed(["message"], level={"enum": ["none", "note", "warning", "error"]}, message=TEXT)
PLACE = closed(
    ["artifactLocation"],
    artifactLocation=closed(
        ["uri"], uri={"type": "string", "pattern": r"^[A-Za-z0-9._~%/-]+$"}, uriBaseId={"type": "string"}
    ),
    region=closed([], startLine={"type": "integer", "minimum": 1}),
)
RESULT = closed(
    ["ruleId", "message", "locations", "partialFingerprints"],
    ruleId={"type": "string"},
    ruleIndex={"type": "integer", "minimum": 0},
    level={"enum": ["none", "note", "warning", "error"]},
    message=TEXT,
    locations=array(closed(["physicalLocation"], physicalLocation=PLACE), minItems=1, maxItems=10),
    partialFingerprints={"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1},
    occurrenceCount={"type": "integer", "minimum": 1},
    suppressions=array(
        closed(
            ["kind"],
            kind={"enum": ["inSource", "external"]},
            status={"enum": ["accepted", "underReview", "rejected"]},
            justification={"type": "string"},
        ),
        uniqueItems=True,
    ),
)
RULE = closed(
    ["id", "shortDescription"],
    id={"type": "string"},
    shortDescription=TEXT,
    fullDescription=TEXT,
    help=TEXT,
    helpUri={"type": "string", "pattern": "^https://"},
)
DRIVER = closed(
    ["name", "rules"],
    name={"type": "string"},
    version={"type": "string"},
    informationUri={"type": "string"},
    rules=array(RULE, uniqueItems=True),
)
RUN = closed(
    ["tool", "results"],
    tool=closed(["driver"], driver=DRIVER),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    invocations=array(
        closed(
            ["executionSuccessful"],
            executionSuccessful={"type": "boolean"},
            exitCode={"type": "integer"},
            toolExecutionNotifications=array(NOTICE),
        )
    ),
    results=array(RESULT, maxItems=5_000),
)
# What the standard and GitHub's page on its support of SARIF ask for, of what is written here.
RULES = closed(
    ["version", "runs"],
    **{
        "$schema": {"type": "string"},
        "version": {"const": "2.1.0"},
        "runs": array(RUN, minItems=1, maxItems=1),
    },
)


def run_in(text):
    """Read the one run of a log, and compare it with the rules."""
    log = json.loads(text)
    jsonschema.validate(log, RULES)
    (read,) = log["runs"]
    rules = [rule["id"] for rule in read["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules)
    assert all(rules[each["ruleIndex"]] == each["ruleId"] for each in read["results"])
    fingerprints = [each["partialFingerprints"][sarif.FINGERPRINT] for each in read["results"]]
    assert len(set(fingerprints)) == len(fingerprints)
    return read


def test_each_cause_is_a_result():
    """With its rule, its line, and a fingerprint that stays the same when lines move."""
    (found,) = run_in(FILES["sarif"](run(FAILED, FINE, directory="backend")))["results"]

    assert found == {
        "ruleId": "no_n_plus_one",
        "ruleIndex": [budget_class.name for budget_class in BUDGETS].index("no_n_plus_one"),
        "level": "error",
        "message": {
            "text": "Book.author 25 times in shop/views.py titles_and_names\n"
            "SELECT ... FROM shop_author WHERE shop_author.id = %s\n"
            'fix: shop/views.py:11  .select_related("author")   26 -> 2 queries, within budget\n'
            "in 1 test"
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "backend/shop/views.py", "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 11},
                }
            }
        ],
        "partialFingerprints": found["partialFingerprints"],
        "occurrenceCount": 1,
    }
    moved = result(
        findings=[finding(count=2, lines=["shop/views.py:99 titles_and_names"])], violations=[violation()]
    )
    (later,) = run_in(FILES["sarif"](run(moved)))["results"]
    assert later["partialFingerprints"] == found["partialFingerprints"]


def test_what_the_baseline_accepts_is_suppressed():
    """It is a note; GitHub shows it as an alert unless it is left out."""
    debts = result(
        outcome="passed",
        findings=[replace(finding(), is_accepted=True)],
        over=[number(measured=30, accepted=34)],
    )
    results = run_in(FILES["sarif"](run(debts)))["results"]

    assert [(each["ruleId"], each["level"]) for each in results] == [
        ("no_n_plus_one", "note"),
        ("query_budget", "note"),
    ]
    assert [each["suppressions"] for each in results] == [
        [{"kind": "external", "status": "accepted", "justification": "dbperf-baseline.tsv accepts it."}]
    ] * 2


def test_rules_lead_to_the_reference():
    """Each of our budgets has one, and its anchor is that of its heading: docutils writes hyphens."""
    rules = run_in(FILES["sarif"](run()))["tool"]["driver"]["rules"]

    page = (
        Path(__file__).parents[3]
        / "docs"
        / re.sub(r"\.html.*", ".md", sarif.SITE and "reference/markers.html")
    )
    assert page.exists()
    assert [(rule["id"], rule["helpUri"]) for rule in rules] == [
        (each.name, f"{sarif.SITE}reference/markers.html#{each.name.replace('_', '-')}") for each in BUDGETS
    ]


def test_a_budget_of_another_plugin_is_a_rule_without_a_page():
    """Its name is all that is known."""
    test = result(outcome="passed", violations=[violation("max_rows", 3, 2)])
    read = run_in(FILES["sarif"](run(test)))

    assert read["tool"]["driver"]["rules"][-1] == {
        "id": "max_rows",
        "shortDescription": {"text": "The budget max_rows of another plugin."},
    }
    assert [each["level"] for each in read["results"]] == ["warning"]


@pytest.mark.parametrize("complete", [True, False])
def test_missing_results_make_the_run_unsuccessful(complete):
    """A tool that reads it can tell."""
    (invocation,) = run_in(FILES["sarif"](run(FINE, complete=complete)))["invocations"]

    assert invocation["executionSuccessful"] is complete
    assert ("toolExecutionNotifications" in invocation) is not complete


def test_results_beyond_what_is_read_are_counted():
    """GitHub keeps 5,000; those of failed tests are among them."""
    tests = [
        result(
            f"test_{index}.py::test", "passed", findings=[finding(f"Book.{index}")], violations=[violation()]
        )
        for index in range(5_001)
    ]
    read = run_in(FILES["sarif"](run(*tests, FAILED)))

    assert len(read["results"]) == 5_000
    assert read["results"][0]["level"] == "error"
    assert [each["message"]["text"] for each in read["invocations"][0]["toolExecutionNotifications"]] == [
        "2 more results left out: a run of SARIF has 5,000."
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_gives_a_valid_log(text):
    """A message has no link and no placeholder, and a path is a URI."""
    test = result(
        f"{text}::test",
        findings=[finding(text, function=f"{text} view", what=text, fix=text, lines=[f"{text}:3 view"])],
        violations=[violation()],
    )
    (found,) = run_in(FILES["sarif"](run(test)))["results"]

    message = found["message"]["text"]
    uri = found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert "](" not in message
    assert re.sub(r"\{\{|\}\}", "", message).count("{") == 0
    assert len(message) < 4_100
    assert unquote(uri, errors="surrogatepass").partition("/")[0] == text.partition("/")[0]
