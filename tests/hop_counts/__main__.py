"""Measure the installed Django: `python -m tests.hop_counts` shows its hops, `--write` writes them down.

`python3 run.py hop-counts` does it for every series. The database is SQLite, unless DATABASE_URL names
another. Hops do not depend on it.
"""

import argparse
import json
import os
import sys
import tempfile

from tests.hop_counts import columns


def main() -> None:
    """Measure, and show or write the numbers."""
    parser = argparse.ArgumentParser(prog="run.py hop-counts", description=__doc__.partition(":")[0])
    parser.add_argument("--write", action="store_true", help=f"write the column in {columns.PATH.name}")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOP_COUNTS_FOLDER"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.hop_counts.settings"
        import django

        django.setup()
        from tests.hop_counts.completeness import left_out
        from tests.hop_counts.measuring import measure

        series = "{}.{}".format(*django.VERSION)
        hops, missing = measure(), left_out()
    if not asked.write:
        json.dump({"series": series, "hops": hops, "left out": missing}, sys.stdout)
        return
    if missing:
        sys.exit(f"Django {series} has calls that are not measured: {', '.join(missing)}")
    table = columns.read() if columns.PATH.exists() else {}
    lines = columns.differences(columns.column(table, series), hops)
    columns.write(columns.with_column(table, series, hops))
    print("\n  ".join([f"Django {django.__version__}: {len(lines)} numbers changed", *lines]))


if __name__ == "__main__":
    main()
