# `make demo` and `make test` set everything up by themselves, in the folder .venv, and need only Python 3.11 or newer.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/installed

.PHONY: demo test lint clean

demo: $(READY)
	$(BIN)/psp demo demo

test: export OMP_NUM_THREADS ?= 1
test: lint
	@echo "== pytest"
	@$(BIN)/python -m pytest

lint: $(READY)
	@echo "== ruff check"
	@$(BIN)/ruff check .
	@echo "== ruff format --check"
	@$(BIN)/ruff format --check .
	@echo "== mypy"
	@$(BIN)/mypy

clean:
	rm -rf .venv demo build .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info
	find benchmarks src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "psp needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "== setting up .venv (once, some minutes)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0 -c constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	@touch $@
