# Needs make and Python 3.11 to 3.14 (with venv); everything else is installed into .venv, locked by hash.

VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2
TORCH ?= torch==2.13.0
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
# The locked build backend finds its program on PATH.
INSTALL_BUCLE := PATH="$(abspath $(BIN)):$$PATH" $(PIP) install --quiet --no-deps --no-build-isolation \
	--editable .
IS_FIT := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
PYTHON ?= $(shell for name in python3.13 python3.12 python3.14 python3.11 python3 python; do \
	$$name -c '$(IS_FIT)' 2>/dev/null && { echo $$name; break; }; done)
COMPILE_FLAGS := --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links
COMPILE := uv pip compile $(COMPILE_FLAGS) --custom-compile-command "make lock" pyproject.toml
COMPILE_CLIENT := uv pip compile $(COMPILE_FLAGS) --custom-compile-command "make lock-clients"
# Every extra but Spark, which has a file of its own: it is larger than all others together.
EXTRAS = $(shell $(PYTHON) -c 'import tomllib; print(*(f"--extra {name}" for name in tomllib.load( \
	open("pyproject.toml", "rb"))["project"]["optional-dependencies"] if name != "spark"))')

.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-unit test-mlflow-peer clients spark torch check style types floors habits format bench docs lock lock-clients clean
.DELETE_ON_ERROR:

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.dev ## make .venv with everything that developing needs
	@echo "Ready: $(BIN)/bucle --help"

demo: $(VENV)/.run ## watch one whole loop turn by itself, in 90 seconds
	@echo "Running bucle demo: a card-payment model is born, decays, is noticed and is replaced."
	@$(BIN)/bucle demo

up: $(VENV)/.run ## start the API, the pages, the jobs and the model server
	@$(BIN)/bucle up

test: $(VENV)/.dev ## run every test (minutes)
	@echo "Running every test on $(WORKERS) cores; tests whose server is missing are skipped and say so."
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test-unit: $(VENV)/.dev ## run the quick tests only (seconds)
	@$(BIN)/python -m pytest -q -n $(WORKERS) tests/unit tests/architecture

clients: .venv-mlflow3/.installed .venv-mlflow2/.installed .venv-serving-clients/.installed ## make the environments of the clients that tests drive
	@echo "Ready: make test runs tests/mlflow_client and tests/serving_clients in them."

spark: $(VENV)/.spark ## install Spark for its tests into .venv (needs Java 17; 500 MB)
	@echo "Ready: make test runs the tests of Spark, too."

torch: $(VENV)/.torch ## install PyTorch for its tests into .venv (large; TORCH=torch==... chooses the build)
	@echo "Ready: make test runs the tests of PyTorch, too."

test-mlflow-peer: $(VENV)/.dev clients ## run the MLflow conformance tests against mlflow server itself
	@$(BIN)/python -m tests.support.mlflow_peer

check: $(VENV)/.dev ## check style, types and floors (under a minute)
	@echo "Checking style (ruff), types (mypy), floors (lint-imports) and habits (tests/architecture)."
	@$(MAKE) --no-print-directory --keep-going style types floors habits

style: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev
	@$(BIN)/mypy

floors: $(VENV)/.dev
	@$(BIN)/lint-imports

habits: $(VENV)/.dev
	@$(BIN)/python -m pytest -q tests/architecture

format: $(VENV)/.dev ## let ruff format and repair what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.dev ## run every benchmark: a line each, and JSON (QUICK=1: a first look)
	@failed=; for script in $(filter-out benchmarks/report.py,$(wildcard benchmarks/*.py)); do \
		$(BIN)/python "$$script" $(if $(QUICK),--quick) || failed="$$failed $$script"; done; \
		if [ -n "$$failed" ]; then echo "These failed:$$failed" >&2; exit 1; fi

docs: $(VENV)/.dev ## build the documentation into docs/_build/html
	@$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -b html docs docs/_build/html
	@echo "Built docs/_build/html/index.html"

lock: ## compute requirements/*.txt again from pyproject.toml (needs uv)
	@$(COMPILE) $(EXTRAS) --group dev --output-file requirements/dev.txt
	@$(COMPILE) --extra serve --extra sklearn --extra onnx --extra pandas --extra tune --group build \
		--constraints requirements/dev.txt --output-file requirements/run.txt
	@uv pip compile $(COMPILE_FLAGS) --custom-compile-command "make lock" requirements/spark.in \
		--constraints requirements/dev.txt --output-file requirements/spark.txt

lock-clients: ## compute requirements/mlflow*.txt and serving-clients.txt again (needs uv)
	@$(COMPILE_CLIENT) requirements/serving-clients.in --output-file requirements/serving-clients.txt
	@for major in 3 2; do $(COMPILE_CLIENT) requirements/mlflow$$major.in \
		--output-file requirements/mlflow$$major.txt || exit 1; done

clean: ## remove .venv, caches and what was built
	@rm -rf $(VENV) .venv-mlflow3 .venv-mlflow2 .venv-serving-clients build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache \
		.hypothesis
	@find bucle tests benchmarks examples -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

$(BIN)/python:
	@fit="$(PYTHON)"; if [ -z "$$fit" ]; then \
		echo "No Python 3.11 to 3.14 with venv was found." >&2; \
		echo "Install one (Debian: apt-get install python3 python3-venv), or say PYTHON=/path/to/python." >&2; \
		exit 1; fi; \
	echo "Making a virtual environment in $(VENV) with $$($$fit --version)."; \
	$$fit -m venv $(VENV)

.venv-mlflow%/.installed: requirements/mlflow%.txt | $(BIN)/python
	@echo "Installing the MLflow $*.x client into .venv-mlflow$* (some minutes the first time)."
	@$(BIN)/python -m venv .venv-mlflow$*
	@.venv-mlflow$*/bin/python -m pip --disable-pip-version-check --no-input install --quiet \
		--require-hashes -r requirements/mlflow$*.txt
	@touch $@

.venv-serving-clients/.installed: requirements/serving-clients.txt | $(BIN)/python
	@echo "Installing clients of the Open Inference Protocol into .venv-serving-clients (under a minute)."
	@$(BIN)/python -m venv .venv-serving-clients
	@.venv-serving-clients/bin/python -m pip --disable-pip-version-check --no-input install --quiet \
		--require-hashes -r requirements/serving-clients.txt
	@touch $@

$(VENV)/.run: requirements/run.txt pyproject.toml | $(BIN)/python
	@echo "Installing Bucle and its locked dependencies into $(VENV) (a minute or two the first time)."
	@$(PIP) install --quiet --require-hashes -r requirements/run.txt
	@$(INSTALL_BUCLE)
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing Bucle, its locked dependencies and the test tools into $(VENV) (some minutes the first time)."
	@$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@$(INSTALL_BUCLE)
	@touch $(VENV)/.run $@

$(VENV)/.spark: requirements/spark.txt $(VENV)/.dev
	@echo "Installing Spark into $(VENV) (a minute or two the first time)."
	@$(PIP) install --quiet --require-hashes -r requirements/spark.txt
	@touch $@

$(VENV)/.torch: $(VENV)/.dev
	@echo "Installing $(TORCH) into $(VENV)."
	@$(PIP) install --quiet $(TORCH)
	@touch $@
