"""`python -m t5x.benchmark`, the same as `t5x benchmark`."""

from t5x.main import run_module

run_module("benchmark")
