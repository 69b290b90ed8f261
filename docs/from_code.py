"""What does the reference say about markers, fixtures, options and hops? It quotes their code or file."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from pytest_dbperf import plugin
from pytest_dbperf.budgets.budget import takes_a_limit, usage
from pytest_dbperf.budgets.built_in import BUDGETS
from pytest_dbperf.options.declared import names_of_settings, register, register_budgets

_FIXTURES = ("dbperf", "wsgi_client", "asgi_client", "database_settings")


def markers() -> Iterator[str]:
    """Write each marker with its signature, meaning and arguments."""
    for budget_class in BUDGETS:
        text, _, arguments = (inspect.getdoc(budget_class) or "").partition("\nArgs:\n")
        yield f"## {budget_class.name}\n\n`@pytest.mark.{usage(budget_class)}`\n\n{text}\n"
        yield from map(_argument, re.split(r"\n(?=    \S)", arguments))
        value = "LIMIT" if takes_a_limit(budget_class) else "true"
        whole, *per_request = (f"dbperf_{name} = {value}" for name in names_of_settings(budget_class))
        yield f"\nFor every test without a marker of its own, in the ini file: `{whole}`.\n"
        for setting in per_request:
            yield (
                f"For each request, in every test without this marker and `per_request=True`: `{setting}`. "
                "A limit for each request and one for the whole test do not replace each other.\n"
            )


def _argument(lines: str) -> str:
    name, _, meaning = " ".join(lines.split()).partition(": ")
    return f"- `{name}`: {meaning}"


def fixtures() -> Iterator[str]:
    """Write each fixture with its docstring."""
    for name, fixture in vars(plugin).items():
        if name in _FIXTURES or name in {budget_class.name for budget_class in BUDGETS}:
            yield f"`{name}`\n: {inspect.getdoc(fixture)}\n"


def fixture_types() -> Iterator[str]:
    """List the type of each budget's fixture."""
    for budget_class in BUDGETS:
        yield f"- `{budget_class.__name__}Fixture`: `{budget_class.name}`"


class _Parser:
    """A parser as far as `options` needs one: it keeps the declarations."""

    def __init__(self) -> None:
        self.options: list[tuple[str, dict[str, Any]]] = []
        self.settings: list[tuple[str, dict[str, Any]]] = []

    def getgroup(self, *_: str) -> _Parser:
        return self

    def addoption(self, name: str, **declared: Any) -> None:
        self.options.append((name, declared))

    def addini(self, name: str, help: str, **declared: Any) -> None:  # noqa: A002  # pytest's name
        self.settings.append((name, {"help": help, **declared}))


def command_line() -> Iterator[str]:
    """Write the options of the command line."""
    for name, declared in _declared().options:
        value = "|".join(declared.get("choices", ())) or declared.get("metavar")
        yield f"`{name}{f'={value}' if value else ''}`\n: {declared['help']}\n"


def ini_file() -> Iterator[str]:
    """Write the settings of the ini file."""
    for name, declared in _declared().settings:
        yield f"`{name}`\n: {declared['help']} ({declared.get('type') or 'string'})\n"


def _declared() -> _Parser:
    parser = _Parser()
    register(cast(pytest.Parser, parser))
    register_budgets(cast(pytest.Parser, parser), BUDGETS)
    return parser


def hops() -> Iterator[str]:
    """Write how often each call hops in each series of Django: first what differs, then all."""
    groups = json.loads((Path(__file__).parent / "reference" / "hop-counts.json").read_text(encoding="utf-8"))
    calls = [hops for group in groups.values() for hops in group.values()]
    # As versions, and not as text.
    series = sorted(
        {one for hops in calls for one in hops}, key=lambda one: [int(part) for part in one.split(".")]
    )
    differing = {name: hops for group in groups.values() for name, hops in group.items() if _differs(hops)}
    yield from _table_of_hops("What differs", differing, series)
    for title, group in groups.items():
        yield from _table_of_hops(title, group, series)


def _differs(hops: dict[str, int]) -> bool:
    return len(set(hops.values())) > 1


def _table_of_hops(title: str, calls: dict[str, dict[str, int]], series: list[str]) -> Iterator[str]:
    yield f"## {title}\n"
    yield f"| | {' | '.join(series)} |"
    yield f"|---|{'---:|' * len(series)}"
    for name, hops in calls.items():
        call, _, case = name.partition(" (")
        shown = f"`{call}` ({case}" if case else f"`{call}`"
        mark = "**" if _differs(hops) else ""
        cells = [shown, *(str(hops.get(one, "-")) for one in series)]
        yield f"| {' | '.join(f'{mark}{cell}{mark}' for cell in cells)} |"
    yield ""


def _directive(write: Callable[[], Iterator[str]]) -> type[SphinxDirective]:
    class FromCode(SphinxDirective):
        def run(self) -> list[nodes.Node]:
            return self.parse_text_to_nodes("\n".join(write()), allow_section_headings=True)

    return FromCode


def _skips_plain_field(_app: Sphinx, _what: str, _name: str, member: object, *_: object) -> bool | None:
    """Leave out the fields of named tuples: their class shows them all, and their docstring only a number."""
    return True if str(getattr(member, "__doc__", "")).startswith("Alias for field number") else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directives that pages use."""
    app.connect("autodoc-skip-member", _skips_plain_field)
    for write in (markers, fixtures, fixture_types, command_line, ini_file, hops):
        app.add_directive(f"dbperf-{write.__name__.replace('_', '-')}", _directive(write))
    return {"parallel_read_safe": True}
