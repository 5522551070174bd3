# `make` alone lists the targets. Everything runs in .venv, which the first target makes.
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/.ready: pyproject.toml requirements.lock scripts/setup.sh
	@bash scripts/setup.sh

.PHONY: setup
setup: .venv/.ready ## make .venv with everything, exactly as locked

.PHONY: demo
demo: .venv/.ready ## deliver two changes of the retail example to production, in build/demo
	@$(BIN)/python scripts/demo.py

.PHONY: test
test: .venv/.ready ## all tests, with smoke-sized faults (about sixteen minutes on two cores)
	@$(BIN)/pytest -n 2 --dist loadgroup

.PHONY: unit
unit: .venv/.ready ## the fast tests only
	@$(BIN)/pytest -n 2 --dist loadgroup tests/unit tests/contract -m "not slow"

.PHONY: check
check: .venv/.ready ## lint, format, types, floors: what CI runs before the tests
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check --quiet || ($(BIN)/ruff format --diff --quiet; exit 1)
	@$(BIN)/mypy
	@mkdir -p build
	@$(BIN)/lint-imports --no-cache > build/lint-imports.txt 2>&1 || (cat build/lint-imports.txt; exit 1)

.PHONY: format
format: .venv/.ready ## format the code
	@$(BIN)/ruff check --fix --quiet || true
	@$(BIN)/ruff format

.PHONY: faults
faults: .venv/.ready ## every kill point and the long fault runs (some hours)
	@$(BIN)/python tests/faults/run_faults.py
	@$(BIN)/python tests/faults/run_deliveries.py
	@$(BIN)/python tests/faults/run_serving.py
	@$(BIN)/python tests/faults/run_identifiers.py
	@$(BIN)/python tests/faults/run_cron.py
	@$(BIN)/python tests/faults/run_simulator.py
	@$(BIN)/python tests/faults/run_evidence.py

.PHONY: bench
bench: .venv/.ready ## start-up times, the engine against bare DuckDB, durable overhead
	@$(BIN)/python benchmarks/run_all.py

.PHONY: gatebench
gatebench: .venv/.ready ## try the labelled changes of gatebench/: which bad ones get through (an hour)
	@$(BIN)/python -m gatebench --json build/gatebench.json

.PHONY: docs
docs: .venv/.ready ## check that every command, setting and gate is documented
	@$(BIN)/pytest tests/unit/test_documentation.py

.PHONY: lock
lock: ## pin anew (needs uv)
	@bash scripts/lock.sh

.PHONY: clean
clean: ## remove what was built
	rm -rf build dist .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
