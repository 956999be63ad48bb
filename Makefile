# EndpointWatch. `make` alone prints this list. Only Python 3.11 to 3.13, git and make are needed.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup demo up down restart status logs test test-fast lint format types lock ci clean clean-all \
	bench-data-quality bench-merge bench-bias-attribution

# Any Python 3.7+ can run the bootstrap; it then looks for one that the project supports. A version manager's shim
# may exist and not run, so each is tried.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 7))' >/dev/null 2>&1 && echo $$p && break; done)
ROOT := $(CURDIR)
BIN := $(ROOT)/.venv/bin
# The caller's PYTHONPATH does not count: it may hold another checkout.
RUN := PYTHONPATH="$(ROOT)/include:$(ROOT)/plugins" $(BIN)/python
TESTS ?= tests
# Processes that share the tests (tests/conftest.py says how); 0: one after another, in one. Three for two cores: the two
# that take the end-to-end tests wait a good part of their time.
TEST_PROCESSES ?= 3
PYTEST_ARGS ?=
PYTEST := $(RUN) -m pytest -n $(TEST_PROCESSES)
BENCH_ARGS ?=

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup:  ## build the virtual environments (nothing to do: under a second)
	@test -n "$(PYTHON)" || { echo "error: no Python 3 on PATH; 3.11 to 3.13 is needed" >&2; exit 1; }
	@$(PYTHON) include/onemachine/bootstrap.py

demo: setup  ## one endpoint goes once round the whole loop, on this machine
	@$(RUN) -m loanapp.demo

up: setup  ## start PostgreSQL, the local AWS and Airflow
	@$(RUN) -m onemachine up

down:  ## end all of them; the data stays
	@test ! -x $(BIN)/python || $(RUN) -m onemachine down

restart: setup  ## down and up
	@$(RUN) -m onemachine restart

status: setup  ## how each component is
	@$(RUN) -m onemachine status || test $$? -eq 3

logs: setup  ## follow the logs until Ctrl-C
	@$(RUN) -m onemachine logs --follow

test: setup  ## every test, the end-to-end ones included (minutes)
	@$(PYTEST) $(TESTS) $(PYTEST_ARGS)

test-fast: setup  ## the tests that start no server, no Spark and no training
	@$(PYTEST) $(TESTS) -m "not e2e and not pocketaws and not spark and not slow" $(PYTEST_ARGS)

lint: setup  ## style, import borders, docker-compose.yaml
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@PYTHONPATH="$(ROOT)/include:$(ROOT)/plugins" $(BIN)/lint-imports
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yaml

format: setup  ## put the style right where a tool can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: setup  ## mypy --strict
	@$(BIN)/mypy include plugins

bench-data-quality: setup  ## the analyzer's speed and memory beside others (minutes; BENCH_ARGS=--help)
	@$(RUN) benchmarks/data_quality.py $(BENCH_ARGS)

bench-merge: setup  ## merge and model quality against pandas and Spark (minutes; BENCH_ARGS=--help)
	@$(RUN) benchmarks/merge.py --keep $(BENCH_ARGS)

bench-bias-attribution: setup  ## bias and attribution against the libraries behind Clarify (minutes; BENCH_ARGS=--help)
	@PYTHONPATH="$(ROOT)/include:$(ROOT)/benchmarks" $(BIN)/python benchmarks/bias_attribution.py --keep $(BENCH_ARGS)

lock:  ## compile the requirements*.txt from the .in files (UPGRADE=1: newest versions)
	@test -n "$(PYTHON)" || { echo "error: no Python 3 on PATH; 3.11 to 3.13 is needed" >&2; exit 1; }
	@$(PYTHON) include/onemachine/bootstrap.py --lock $(if $(UPGRADE),--upgrade)

ci:  ## what continuous integration runs
	@./.ci/run

clean: down  ## remove everything a local run wrote, and the caches
	@test ! -x $(BIN)/python || $(RUN) -m onemachine clean
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find dags include plugins tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

clean-all: clean  ## the environments too
	@rm -rf .venv .venv-pocketaws .venv-uv .local
