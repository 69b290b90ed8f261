"""What was measured before? A file has a column for each Django series; the reference shows it."""

import json
from pathlib import Path

HOME = Path(__file__).parents[2]
PATH = HOME / "docs" / "reference" / "hop-counts.json"
COMMAND = "python3 run.py hop-counts"

# Group, name of the call, series, hops.
Table = dict[str, dict[str, dict[str, int]]]
Measured = dict[str, dict[str, int]]


def read() -> Table:
    """Read the file."""
    return json.loads(PATH.read_text(encoding="utf-8"))


def write(table: Table) -> None:
    """Write the file: one line for each call, so that a change is one line of a diff."""
    groups = []
    for title, calls in sorted(table.items()):
        lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(calls[name])}" for name in sorted(calls))
        groups.append(f"  {json.dumps(title)}: {{\n{lines}\n  }}")
    PATH.write_text("{\n" + ",\n".join(groups) + "\n}\n", encoding="utf-8")


def column(table: Table, series: str) -> Measured:
    """Return the numbers of one series."""
    return {
        title: {name: hops[series] for name, hops in calls.items() if series in hops}
        for title, calls in table.items()
    }


def with_column(table: Table, series: str, measured: Measured) -> Table:
    """Return the table with new numbers for one series."""
    changed: Table = {}
    for title in {*table, *measured}:
        for name in {*table.get(title, {}), *measured.get(title, {})}:
            hops = {**table.get(title, {}).get(name, {})}
            hops.pop(series, None)
            if name in measured.get(title, {}):
                hops[series] = measured[title][name]
            if hops:
                changed.setdefault(title, {})[name] = dict(sorted(hops.items(), key=_by_version))
    return changed


def _by_version(item: tuple[str, int]) -> list[int]:
    return [int(part) for part in item[0].split(".")]


def differences(written: Measured, measured: Measured) -> list[str]:
    """Name the calls with different numbers, and both numbers."""
    before = {name: hops for calls in written.values() for name, hops in calls.items()}
    now = {name: hops for calls in measured.values() for name, hops in calls.items()}
    return [
        f"{name}: {before.get(name, 'no such call')} -> {now.get(name, 'no such call')}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]


def complaint(table: Table, series: str, measured: Measured) -> str:
    """Say what differs from the column of this series, and what to do; return "" if nothing does."""
    written = column(table, series)
    place = PATH.relative_to(HOME).as_posix()
    if not any(written.values()):
        return f"{place} has no column for Django {series}: add it to SERIES in run.py, then `{COMMAND}`"
    if lines := differences(written, measured):
        listed = "\n  ".join(lines)
        return (
            f"Django {series} hops differently from {place}:\n  {listed}\n`{COMMAND}` writes the new numbers"
        )
    return ""
