# Each target does all of its own set-up; nothing has to be prepared by hand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Where `make install-server` puts a server by itself.
DIR ?= /opt/opuscope

.PHONY: run demo-headless test check bench install-server clean

run: $(VENV)/.ready-run
	@$(BIN)/opuscope demo

demo-headless: $(VENV)/.ready-run
	@$(BIN)/opuscope demo --headless

# Tests in virtual time, and of a window with stand-ins, run side by side; those that mostly wait for sockets and for other
# processes, four at a time. Those that play in real time have the machine to themselves: two of them would hold each
# other up.
SIDE_BY_SIDE := tests/playout tests/playout_comparison tests/opus tests/wire tests/monitor tests/analysis tests/recording tests/gui
WAITING := tests/server tests/cli tests/end_to_end/test_slow_links.py
ALONE := tests/gui/test_end_to_end.py tests/gui/test_process.py tests/gui/test_timing.py

test: $(VENV)/.ready-test
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(SIDE_BY_SIDE) $(addprefix --ignore=,$(ALONE))
	$(BIN)/python -m pytest -n 4 $(WAITING)
	$(BIN)/python -m pytest $(addprefix --ignore=,$(SIDE_BY_SIDE) $(WAITING))
	$(BIN)/python -m pytest $(ALONE)

check: $(VENV)/.ready-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.ready-test
	$(BIN)/python -m tests.benchmarks

# Without the window and its packages; the command is $(DIR)/bin/opuscope.
install-server:
	@resources/setup/system-packages.sh server
	$(PYTHON) -m venv $(DIR)
	$(PYTHON) resources/setup/server_packages.py > $(DIR)/packages.txt
	$(DIR)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(DIR)/packages.txt
	$(DIR)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall .
	@echo "installed: $(DIR)/bin/opuscope serve"

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
