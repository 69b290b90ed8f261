"""Does a test only prepare its rows? It calls a factory, or one line both reads and inserts rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path

from pytest_dbperf.callsites.callsite import CallPath
from pytest_dbperf.callsites.of_tests import is_of_tests
from pytest_dbperf.diagnosis.repeats import Repeat
from pytest_dbperf.recording.events import Query
from pytest_dbperf.recording.groups import identity
from pytest_dbperf.violations.violation import Hint

# The usual names of factories. They decide only which advice is shown, and in which order.
_FUNCTIONS = re.compile(r"_*(?:make|create|build|new|add|populate)(?:_|$)|.*factory", re.IGNORECASE)
_FILES = re.compile(r"conftest|.*factor(?:y|ies)")

HINT = Hint(
    "why", "the test itself makes these rows: make them in a fixture, or inside `with dbperf.pause():`"
)


def calls_factory(path: CallPath) -> bool:
    """Tell whether a test, and none of the code that it tests, has called a factory of its own."""
    if not is_of_tests(path):
        return False
    code, _ = path[0]
    return bool(_FUNCTIONS.match(code.co_name) or _FILES.fullmatch(Path(code.co_filename).stem))


def prepares(queries: Iterable[Query]) -> Callable[[Repeat], bool]:
    """Return a function that tells whether a test makes rows with some reads: by names, or by an INSERT."""
    inserting: set[Hashable] = {
        identity(query.call_path)
        for query in {id(query): query for query in queries}.values()
        if query.statement.kind == "insert"
    }

    def is_preparation(repeat: Repeat) -> bool:
        path = repeat.call_path
        return calls_factory(path) or (is_of_tests(path) and identity(path) in inserting)

    return is_preparation


def hints_on(
    repeats: Sequence[Repeat],
    is_preparation: Callable[[Repeat], bool],
    hints: Callable[[Sequence[Repeat]], Iterable[Hint]],
) -> Iterable[Hint]:
    """Give the hints on the tested code. On rows that the test prepares, give the hint that helps there."""
    tested = [repeat for repeat in repeats if not is_preparation(repeat)]
    yield from hints(tested)
    if len(tested) < len(repeats):
        yield HINT
