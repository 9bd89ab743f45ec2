"""Our playout beside others' on arrival traces, in virtual time: ``python -m tests.benchmarks.playout_comparison``."""
