# make tune and make test do all their own set-up; everything else is for developers.
# The first of these that starts: a version manager may list a command for a version that is not active.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do $$python -c "" 2>/dev/null && echo $$python && break; done)
VENV ?= .venv
BIN = $(VENV)/bin
export MLFLOW_DISABLE_TELEMETRY = true
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help setup tune test test-all soak check ui lock mlproject bench bench-peers

help:            ## show this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: $(VENV)/.ready   ## make the virtual environment in .venv

$(VENV)/.ready: requirements.txt requirements-dev.txt
	@test -n "$(PYTHON)" && $(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { \
		echo "genexp needs Python 3.11 or newer; found: $$($(PYTHON) --version 2>/dev/null || echo none)." \
		"Install one, or name it: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@touch $@

tune: setup      ## the main job on a simulated cohort: search, train, evaluate, register
	$(BIN)/mlflow run . -e tune --env-manager local --experiment-name genexp

test: setup      ## unit, meaning and end-to-end tests
	$(BIN)/python -m pytest -n 2 -m "not slow and not server and not soak" -q

test-all: test   ## all tests, with the slow ones and those against real servers
	$(BIN)/python -m pytest -n 2 -m "(slow or server) and not soak" -q

soak: setup      ## tests too long for CI (20,000 mutated files); keeps their results in benchmarks/soak.json
	$(BIN)/python -m benchmarks.soak

check: setup     ## format, lint and types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

ui: setup        ## browse runs at http://127.0.0.1:5000
	$(BIN)/mlflow ui --backend-store-uri sqlite:///mlflow.db

# requirements.txt is what pyproject.toml resolves to on Python 3.11; requirements-dev.txt is what its extra dev adds. Lines of CUDA are left
# out and torch keeps its plain version, so that a CPU build satisfies the lock as well as a GPU build.
COMPILE = uv pip compile pyproject.toml --extra server --extra s3 --no-header --no-annotate --python-version 3.11
PLAIN = grep -vE '^(nvidia-|cuda-|triton)' | sed 's/+cpu$$//'

lock:            ## resolve the ranges in pyproject.toml anew into requirements.txt and requirements-dev.txt
	$(COMPILE) --upgrade | $(PLAIN) > requirements.lock
	mv requirements.lock requirements.txt
	$(COMPILE) --extra dev --constraint requirements.txt --upgrade | $(PLAIN) | grep -vxFf requirements.txt > requirements.lock
	mv requirements.lock requirements-dev.txt

bench: setup     ## measure genexp beside what a user would pick instead (half an hour); writes benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

bench-peers: setup   ## the same for peers from PyPI, in environments of their own
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet autoencodix==0.2.5 flexynesis==1.1.14 lightning
	$(PYTHON) -m venv .venv-peers-scvi
	.venv-peers-scvi/bin/pip install --quiet scvi-tools==1.4.2
	$(BIN)/python -m benchmarks peers

mlproject: setup ## render MLproject and docs/parameters.md from the settings, and docs/metrics.md from the tasks
	$(BIN)/python -m genexp.settings.mlproject
	$(BIN)/python -m genexp.verdict.metrics_page
