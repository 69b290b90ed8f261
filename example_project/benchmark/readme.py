"""Where does the result go? Into the README between two marks, with the versions it was measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

from benchmark.claims import answers
from benchmark.measuring import Run
from benchmark.report import table

README = Path(__file__).parents[1] / "README.md"
START, END = "<!-- example-bench: written by `example-bench --write` -->", "<!-- example-bench: end -->"
PACKAGES = {"Django": "django", "psycopg": "psycopg", "gunicorn": "gunicorn", "uvicorn": "uvicorn"}


def section(run: Run) -> str:
    """Return the results of a run in Markdown."""
    plan = run.plan
    versions = [
        f"Python {platform.python_version()}",
        f"PostgreSQL {run.postgresql}",
        *(f"{name} {version(package)}" for name, package in PACKAGES.items()),
    ]
    command = (
        f"python3 run.py example-bench --rounds {plan.rounds} --requests {plan.requests} "
        f"--concurrency {plan.clients}"
    )
    measured_on = f"{', '.join(versions)}, on {os.cpu_count()} cores for clients, gunicorn and PostgreSQL"
    return "\n\n".join(
        [
            f"`{command}`, with {measured_on}. {_of_clients(run)}",
            table(run.results),
            *(f"Not measured: {reason}." for reason in run.left_out),
            "### What it says about the report",
            "\n".join(f"- {answer}" for answer in answers(run)),
        ]
    )


def _of_clients(run: Run) -> str:
    """Say how much time the clients took themselves: they run on the same machine."""
    loads = [load for result in run.results for load in result.loads]
    requests = sum(len(load.latencies) for load in loads)
    milliseconds = sum(load.own_seconds for load in loads) / requests * 1000
    share = max(load.own_seconds / load.seconds for load in loads)
    return (
        f"The clients took {milliseconds:.1f} ms of processor time a request, "
        f"and never more than {share:.0%} of one core."
    )


def write(said: str, readme: Path = README) -> None:
    """Put the text between the marks, in place of the last run's."""
    before, start, rest = readme.read_text().partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"{readme.name} has no lines `{START}` and `{END}`")
    readme.write_text(f"{before}{START}\n\n{said}\n\n{END}{after}")
