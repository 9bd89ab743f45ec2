# Each target does all of its own set-up; nothing has to be prepared by hand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run demo-headless test check bench clean

run: $(VENV)/.ready-run
	@$(BIN)/opuscope demo

demo-headless: $(VENV)/.ready-run
	@$(BIN)/opuscope demo --headless

test: $(VENV)/.ready-test
	$(BIN)/python -m pytest

check: $(VENV)/.ready-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.ready-test
	$(BIN)/python -m tests.benchmarks

$(BIN)/python:
	@resources/setup/system-packages.sh run
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Opuscope needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; name another with: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready-run: pyproject.toml resources/setup/system-packages.sh | $(BIN)/python
	@resources/setup/system-packages.sh run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.ready-test: pyproject.toml resources/setup/system-packages.sh | $(BIN)/python
	@resources/setup/system-packages.sh test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

$(VENV)/.ready-check: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,check]'
	@touch $@

clean:
	rm -rf $(VENV) build dist
