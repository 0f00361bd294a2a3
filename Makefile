# Every target does its own set-up from nothing. `make chat` and `make test` are all a newcomer needs.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
MODEL := .venv/.model
TRAFFIC ?= $(IL_TRAFFIC)
FUZZ := .venv/.fuzz
PEERS := .venv-bench/.ready
SECONDS ?= 60

.PHONY: help setup chat serve test test-fast replay check format docs fuzz bench clean

help:              ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 20

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; run: make PYTHON=python3.11 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[local,dev]'
	@touch $@

$(MODEL): $(READY)
	$(BIN)/il pull smollm2
	@touch $@

$(FUZZ): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fuzz]'
	@touch $@

$(PEERS): benchmarks/peers.txt
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	@touch $@

setup: $(READY) $(MODEL)   ## install everything, and the small local model

chat: setup        ## ask the local model one question
	$(BIN)/il ask "What is the capital of France?"

serve: setup       ## serve every API on port 8100, the local model as default
	$(BIN)/il serve

test: setup        ## run the whole test suite
	$(BIN)/python -m pytest -n 2 -rs

test-fast: setup   ## run the tests that take no real model and no sockets
	$(BIN)/python -m pytest -n 2 -rs -m 'not slow'

replay: $(READY)   ## prove the dialects on recorded traffic: make replay TRAFFIC=DIR
	$(BIN)/python -m tests.replay.report "$(TRAFFIC)"

check: $(READY)    ## lint, types, layers, architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/architecture

format: $(READY)   ## write the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)     ## write the reference pages from the source
	$(BIN)/python docs/generate.py

fuzz: $(FUZZ)      ## fuzz every parser for SECONDS (60) each; what it learns is kept in .fuzz
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

bench: setup $(PEERS)  ## measure import time, translation and calls, peers side by side
	$(BIN)/python -m benchmarks.run

clean:             ## remove everything that the targets made
	rm -rf .venv .venv-bench .fuzz .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
