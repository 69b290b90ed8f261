"""What does `python -m pytest_dbperf` run? The command `dbperf`."""

import sys

from pytest_dbperf.cli import main

if __name__ == "__main__":
    sys.exit(main())
