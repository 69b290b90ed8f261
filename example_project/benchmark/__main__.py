"""Before and after, behind a real gunicorn: `python3 run.py example-bench`.

All rows get the same requests in turn, round after round. If the machine gets slower, it gets slower for all
of them. The numbers are of one machine at one time, so compare rows of one run, not two runs.
"""

import argparse

from benchmark.measuring import Plan, measure
from benchmark.readme import section, write
from benchmark.rows import ROWS


def main() -> None:
    """Measure all rows, then print the table and the answers, or write them into the README."""
    parser = argparse.ArgumentParser(prog="run.py example-bench", description=__doc__.partition(":")[0])
    parser.add_argument("--rounds", type=_number, default=5, help="rounds (5)")
    parser.add_argument("--requests", type=_number, default=100, help="requests of each row in a round (100)")
    parser.add_argument("--concurrency", type=_number, default=8, help="clients at a time (8)")
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
