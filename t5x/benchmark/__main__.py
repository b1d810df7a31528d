"""`python -m t5x.benchmark`, the same as `t5x benchmark`."""

from t5x.main import run_module

if __name__ == "__main__":
    run_module("benchmark")
