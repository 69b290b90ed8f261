"""How do code scanning tools read a run? As SARIF 2.1.0, with accepted debts as suppressed results."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from pytest_dbperf.budgets.budget import summary
from pytest_dbperf.budgets.built_in import BUDGETS
from pytest_dbperf.reports.markdown import INCOMPLETE
from pytest_dbperf.reports.one_line import one_line
from pytest_dbperf.reports.problems import Problem, accepted, problems
from pytest_dbperf.reports.terminal import counted
from pytest_dbperf.results.model import Json, Run

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
SITE = "https://pytest-dbperf.readthedocs.io/en/latest/"
# Not `primaryLocationLineHash`: GitHub's upload computes that one, and warns of any other value.
FINGERPRINT = "dbperfCause/v1"
# GitHub keeps 5,000 results of a run. Those of failed tests come first.
MOST_RESULTS = 5_000
_LONGEST = 1_000
_RULES = {budget_class.name: summary(budget_class) for budget_class in BUDGETS}


def document(run: Run) -> str:
    """Write one log with one run. Without a problem and a debt it has no results."""
    broken, debts = problems(run), accepted(run)
    rules = [*dict.fromkeys((*_RULES, *(problem.budget for problem in (*broken, *debts))))]
    results = [_result(problem, rules) for problem in broken]
    results += [{**_result(debt, rules), "level": "note", "suppressions": [_ACCEPTED]} for debt in debts]
    driver = {
        "name": "pytest-dbperf",
        "version": run.versions.get("pytest-dbperf", "0"),
        "informationUri": SITE,
        "rules": [_rule(name) for name in rules],
    }
    notices = [*_notices(run, results)]
    invocation: Json = {"executionSuccessful": run.complete, "exitCode": run.exit_code}
    if notices:
        invocation["toolExecutionNotifications"] = notices
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "invocations": [invocation],
                "results": results[:MOST_RESULTS],
            }
        ],
    }
    return f"{json.dumps(log, indent=1)}\n"


_ACCEPTED = {"kind": "external", "status": "accepted", "justification": "dbperf-baseline.tsv accepts it."}


def _rule(name: str) -> Json:
    if name not in _RULES:
        return {"id": name, "shortDescription": {"text": f"The budget {name} of another plugin."}}
    page = f"{SITE}reference/markers.html#{name.replace('_', '-')}"
    return {
        "id": name,
        "shortDescription": {"text": _RULES[name]},
        "fullDescription": {"text": _RULES[name]},
        "help": {"text": f"{_RULES[name]} {page}"},
        "helpUri": page,
    }


def _result(problem: Problem, rules: Sequence[str]) -> Json:
    parts = (problem.title, problem.what, f"fix: {problem.fix}" if problem.fix else "")
    text = "\n".join(one_line(part, _LONGEST) for part in (*parts, problem.extent) if part)
    return {
        "ruleId": problem.budget,
        "ruleIndex": rules.index(problem.budget),
        "level": "error" if problem.fails else "warning",
        "message": {"text": _without_links(text)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(problem.path), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": problem.line},
                }
            }
        ],
        "partialFingerprints": {FINGERPRINT: problem.fingerprint},
        "occurrenceCount": len(problem.tests),
    }


def _uri(path: str) -> str:
    # A colon in the first part of a relative path would end a scheme.
    return quote(path.encode("utf-8", "surrogatepass"), safe="/")


def _without_links(text: str) -> str:
    """Keep a text from being read as a link, or as a placeholder: both are syntax of SARIF's messages."""
    return text.replace("](", "] (").replace("{", "{{").replace("}", "}}")


def _notices(run: Run, results: Sequence[Json]) -> Iterator[Json]:
    if not run.complete:
        yield {"level": "error", "message": {"text": INCOMPLETE}}
    if len(results) > MOST_RESULTS:
        left_out = counted(len(results) - MOST_RESULTS, "more result")
        yield {"level": "warning", "message": {"text": f"{left_out} left out: a run of SARIF has 5,000."}}
