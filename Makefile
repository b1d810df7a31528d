# Two commands on a machine that has python3 (3.11 to 3.13) and make:
#   make quickstart   installs into .venv, trains a small T5 on the built-in mini Flan, shows what it learnt
#   make test         the same .venv; every test that is not slow
# Others: test-all, lint, benchmark. Another interpreter: make quickstart PYTHON=python3.12

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SUPPORTED := import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

# The first of these that runs and is new enough but not too new; asked only when .venv has to be made.
CANDIDATES := python3 python3.13 python3.12 python3.11
PYTHON = $(firstword $(foreach name,$(CANDIDATES),$(shell $(name) -c '$(SUPPORTED)' >/dev/null 2>&1 && echo $(name))) python3)

# Two test processes: TensorFlow and jax each keep one core busy. A file's tests stay in one process, so that it
# compiles its models once.
PYTEST_ARGS ?= -n 2 --dist loadfile

.PHONY: quickstart test test-all lint benchmark install
.DEFAULT_GOAL := quickstart

quickstart: $(STAMP)
	@$(BIN)/python launch/quickstart.py $(ARGS)

test: $(STAMP)
	@$(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

test-all: $(STAMP)
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

benchmark: $(STAMP)
	@$(BIN)/python -m t5x.benchmark $(ARGS)

install: $(STAMP)

# Made anew when the dependencies change; an unfinished install leaves no stamp and is taken up again.
$(STAMP): setup.py constraints.txt
	@if [ ! -x $(BIN)/python ]; then \
	  command -v $(PYTHON) >/dev/null || { echo "No $(PYTHON) here. Install Python 3.11, 3.12 or 3.13, or name one: make quickstart PYTHON=/path/to/python3.12" >&2; exit 1; }; \
	  $(PYTHON) -c '$(SUPPORTED)' 2>/dev/null || { echo "$(PYTHON) is $$($(PYTHON) --version 2>&1), without the venv module or not one of Python 3.11, 3.12, 3.13, which the dependencies support. Name another: make quickstart PYTHON=/path/to/python3.12" >&2; exit 1; }; \
	  echo "Making $(VENV) with $$($(PYTHON) --version)"; \
	  $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) -m venv failed. On Debian and Ubuntu the package python3-venv brings what it needs." >&2; exit 1; }; \
	fi
	@echo "Installing into $(VENV): about 90 packages, 3 GB on disk, a few minutes the first time"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]' || { \
	  echo "The install failed; pip's message is above. The next make takes it up again. If it was building editdistance (needed by seqio): that has ready wheels up to Python 3.12 only; on 3.13 install a C++ compiler and Python's headers (Debian: build-essential python3-dev), or rm -r $(VENV) and make quickstart PYTHON=python3.12" >&2; exit 1; }
	@touch $@
