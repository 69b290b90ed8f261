"""What does `python -m pytest_dbperf` run? The command `dbperf`."""

import sys

from pytest_dbperf.cli import main

sys.exit(main())
