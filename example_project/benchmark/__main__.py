"""Before and after, behind a real gunicorn: `python3 run.py example-bench`.

The rows are asked the same in turn, round after round, so that a machine that gets slower gets slower for all
of them. They are numbers of one machine at one time: compare the rows of one run, not two runs.
"""

import argparse

from benchmark.measuring import Plan, measure
from benchmark.readme import section, write
from benchmark.rows import ROWS


def main() -> None:
    """Measure all rows, and print the table and what it says; or write that into the README."""
    parser = argparse.ArgumentParser(prog="run.py example-bench", description=__doc__.partition(":")[0])
    parser.add_argument("--rounds", type=_number, default=5, help="how often each row is asked (5)")
    parser.add_argument("--requests", type=_number, default=100, help="of each row in a round (100)")
    parser.add_argument("--concurrency", type=_number, default=8, help="clients that ask at a time (8)")
    parser.add_argument("--write", action="store_true", help="also write the result into README.md")
    asked = parser.parse_args()
    plan = Plan(rounds=asked.rounds, requests=asked.requests, clients=asked.concurrency)
    said = section(measure(ROWS, plan))
    print(said)
    if asked.write:
        write(said)


def _number(text: str) -> int:
    if text.isdecimal() and (number := int(text)) > 0:
        return number
    raise argparse.ArgumentTypeError(f"{text} is not a number of one or more")


if __name__ == "__main__":
    main()
