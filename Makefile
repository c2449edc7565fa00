# Every target sets everything up by itself, in the folder .venv, and needs only Python 3.11 or newer.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SMOKE := tests/skeleton tests/loss tests/model/test_reference.py tests/methods/test_conformance.py tests/cli/test_main.py

.PHONY: demo test attack smoke lint docs clean

demo: $(READY)
	$(BIN)/psp demo demo

test attack smoke: export OMP_NUM_THREADS ?= 1
# tests start many processes, each of which would compile the package again if compiled modules were not kept
test attack smoke: export PYTHONDONTWRITEBYTECODE :=

test: lint
	@echo "== pytest"
	@$(BIN)/python -m pytest

# the tests of tests/attack with up to sixty times as many tries: under an hour on two cores
attack: export PSP_ATTACK ?= 60
attack: $(READY)
	@$(BIN)/python -m pytest tests/attack

smoke: $(READY)
	@$(BIN)/python -m pytest -m "not slow" $(SMOKE)

lint: $(READY)
	@echo "== ruff check"
	@$(BIN)/ruff check .
	@echo "== ruff format --check"
	@$(BIN)/ruff format --check .
	@echo "== lint-imports"
	@$(BIN)/lint-imports
	@echo "== mypy"
	@$(BIN)/mypy

docs: $(READY)
	$(BIN)/mkdocs build --strict

clean:
	rm -rf .venv demo site build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis src/*.egg-info
	find benchmarks src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "psp needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "== setting up .venv (once, some minutes)"
	@$(PYTHON) -m venv .venv
	@$(PIP) torch==2.13.0 -c constraints.txt
	@$(PIP) -e '.[dev]' -c constraints.txt
	@touch $@
