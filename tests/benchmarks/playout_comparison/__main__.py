"""``python -m tests.benchmarks.playout_comparison [--plots DIR] [--families N] [--first-seed SEED]``."""

import sys

from tests.benchmarks.playout_comparison.comparison import main

if __name__ == "__main__":
    sys.exit(main())
