# Two commands for a fresh machine:  make demo   and   make test
# Both create the environment in .venv first; PYTHON=python3.12 chooses another interpreter.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_FLAGS ?= -n auto

.PHONY: demo test test-all lint setup clean

demo: setup
	@echo; echo "— Training on 8×8 digits in the golden model —"
	$(BIN)/bepcore train --data digits
	@echo; echo "— Co-simulating the hardware on part of the same data —"
	$(BIN)/bepcore verify --data digits --samples 200

test: setup
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

test-all: setup
	$(BIN)/python -m pytest $(PYTEST_FLAGS) -m "not board"

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

setup: $(VENV)/ready
	@.ci/tools

$(VENV)/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Bepcore needs Python 3.11 or later; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "Python has no venv module here; on Debian: sudo apt install python3-venv" >&2; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[fast,dev]'
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info
