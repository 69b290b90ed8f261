"""How many of the changes that mutmut made did a test notice? `python -m tests.mutation_score FOLDER`."""

import json
import sys
from collections import Counter
from pathlib import Path

LEAST = 90  # Percent of the changes that tests have to notice.

# mutmut's exit code of a change that every test let pass, and of one that no test passes through.
SURVIVED, NO_TESTS = 0, 33


def score_of(folder):
    """Write a line for each module, and return the percentage that was noticed in all of them."""
    total = Counter()
    for result in sorted(folder.rglob("*.meta")):
        codes = json.loads(result.read_text())["exit_code_by_key"].values()
        if None in codes:
            sys.exit(f"{result}: mutmut did not run all changes")
        if codes:
            missed = sum(code in (SURVIVED, NO_TESTS) for code in codes)
            sys.stdout.write(
                f"{result.relative_to(folder).with_suffix('')}: {len(codes) - missed} of {len(codes)}\n"
            )
            total.update(noticed=len(codes) - missed, all=len(codes))
    if not total:
        sys.exit(f"{folder} has no results of mutmut")
    return 100 * total["noticed"] / total["all"]


if __name__ == "__main__":
    score = score_of(Path(sys.argv[1]))
    sys.stdout.write(f"tests noticed {score:.1f} % of the changes; at least {LEAST} % are required\n")
    sys.exit(score < LEAST)
