"""How are the results shown? As one Markdown table that reads well in a terminal and in a README."""

from collections.abc import Mapping, Sequence

from benchmark.figures import percentile, ratios, spread
from benchmark.measuring import Measured
from benchmark.scenarios import Row

HEADINGS = (
    "row",
    "served",
    "asked",
    "requests/s",
    "against",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "alone ms",
    "new connections",
    "left open",
    "hops",
    "queries",
)
WORDS = (1, 2, 4)
"""Columns of words, aligned to the left."""


def table(results: Sequence[Measured]) -> str:
    """Return the table, with a line for each row."""
    numbers = {result.row: number for number, result in enumerate(results, start=1)}
    by_row = {result.row: result for result in results}
    lines = [HEADINGS, *(_cells(result, numbers, by_row) for result in results)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = [
        f":{'-' * (width - 1)}" if column in WORDS else f"{'-' * (width - 1)}:"
        for column, width in enumerate(widths)
    ]
    return "\n".join(
        f"| {' | '.join(_aligned(cells, widths))} |" for cells in (lines[0], tuple(rule), *lines[1:])
    )


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.ljust(width) if column in WORDS else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]


def _connections(result: Measured) -> str:
    """The connections to PostgreSQL, and the workers' connections to PgBouncer if there is one."""
    counts = result.counts
    pooled = f" ({counts.connects} to PgBouncer)" if result.row.serving.has_pgbouncer else ""
    return f"{counts.new_connections}{pooled}"


def _cells(result: Measured, numbers: Mapping[Row, int], by_row: Mapping[Row, Measured]) -> tuple[str, ...]:
    row, counts, latencies = result.row, result.counts, result.latencies
    return (
        str(numbers[row]),
        str(row.serving),
        row.mix.name,
        f"{spread(result.rates).median:.0f}",
        ""
        if row.against is None
        else f"{numbers[row.against]}: {ratios(result.rates, by_row[row.against].rates)}",
        *(f"{percentile(latencies, percent) * 1000:.1f}" for percent in (50, 95, 99)),
        f"{spread(result.milliseconds_alone).median:.1f}",
        _connections(result),
        str(counts.left_open),
        counts.hops_each,
        counts.queries_each,
    )
