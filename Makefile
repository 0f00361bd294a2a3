# Every target does its own set-up from nothing. `make chat` and `make test` are all a newcomer needs.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
MODEL := .venv/.model
QT := .venv/.qt
TRAFFIC ?= $(IL_TRAFFIC)
FUZZ := .venv/.fuzz
PEERS := .venv-bench/.ready
GATEWAYS := .venv-peers/.ready
LIGHTHOUSE := .venv-lighthouse/.ready
PORTKEY := @portkey-ai/gateway@1.15.2
SECONDS ?= 60
# A shell that forbids bytecode would have every process of the tests, some hundreds, compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup chat serve test test-fast replay agents check format docs web screenshots lighthouse fuzz bench bench-peers bench-gateway soak desktop-test livekit-server clean

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

$(QT): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[desktop-qt]'
	@touch $@

$(FUZZ): $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fuzz]'
	@touch $@

$(PEERS): benchmarks/peers.txt
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	@touch $@

$(GATEWAYS): benchmarks/gateway/peers.txt
	@test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	@command -v npm >/dev/null || { echo "npm is needed for Portkey, nginx and wrk for the loads: apt-get install npm nginx wrk"; exit 1; }
	npm install --silent --no-audit --no-fund --ignore-scripts --prefix .venv-peers/node $(PORTKEY)
	@touch $@

setup: $(READY) $(MODEL)   ## install everything, and the small local model

chat: setup        ## talk with any model; without a terminal, ask the local one a question
	@if [ -t 0 ] && [ -t 1 ]; then exec $(BIN)/il chat; else exec $(BIN)/il ask "What is the capital of France?" </dev/null; fi

serve: setup       ## serve the web interface and every API on port 8100, the local model as default
	@$(BIN)/python web/build.py --if-node
	$(BIN)/il serve

web: $(READY)      ## build the web interface, with the machine's Node or else one from PyPI
	$(BIN)/python web/build.py

screenshots: web $(MODEL)  ## photograph every page in Chromium into docs/assets
	$(BIN)/python -m tests.e2e.browser.screenshots

$(LIGHTHOUSE):
	@command -v npm >/dev/null || { echo "npm is needed for Lighthouse: apt-get install npm"; exit 1; }
	npm install --silent --no-audit --no-fund --ignore-scripts --prefix .venv-lighthouse lighthouse@12.8.2
	@touch $@

lighthouse: web $(LIGHTHOUSE)  ## what Lighthouse says of the first page, in Chromium (needs npm)
	$(BIN)/python -m tests.e2e.browser.lighthouse

test: setup        ## run the whole test suite
	$(BIN)/python -m pytest -n 2 -rs
	$(BIN)/python -m pytest -n 2 -rs tests/e2e/browser

test-fast: setup   ## run the tests that take no real model and no sockets
	$(BIN)/python -m pytest -n 2 -rs -m 'not slow'

replay: $(READY)   ## prove the dialects on recorded traffic: make replay TRAFFIC=DIR
	$(BIN)/python -m tests.replay.report "$(TRAFFIC)"

agents: $(READY)   ## play turns of Claude Code, Codex CLI and opencode through the gateway (needs npm)
	$(BIN)/python -m tests.agents

check: $(READY)    ## lint, types, layers, architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/architecture
	$(BIN)/python web/build.py --check --if-node

format: $(READY)   ## write the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)     ## write the reference pages from the source
	$(BIN)/python docs/generate.py

fuzz: $(FUZZ)      ## fuzz every parser for SECONDS (60) each; what it learns is kept in .fuzz
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

bench: setup $(PEERS) $(GATEWAYS)  ## measure import time, translation, calls and, shortly, the gateway, peers side by side
	$(BIN)/python -m benchmarks.run

bench-peers: $(GATEWAYS)   ## install the gateways that ours is measured beside

bench-gateway: $(READY) $(GATEWAYS)   ## measure the gateway in full, peers side by side: some ten minutes on a quiet machine
	$(BIN)/python -m benchmarks.gateway.run

soak: $(READY)     ## run the gateway under mixed traffic and faults for SECONDS (60)
	$(BIN)/python -m benchmarks.soak --seconds $(SECONDS)

desktop-test: $(QT) web  ## open the desktop window with every toolkit that is here, and photograph it into docs/assets (needs Xvfb)
	DESKTOP_TEST_EVERY=1 DESKTOP_TEST_PICTURE=docs/assets/desktop.png $(BIN)/python -m pytest -n 0 -rs tests/desktop
	@command -v pngquant >/dev/null && pngquant --force --skip-if-larger --ext .png docs/assets/desktop.png || true

livekit-server: .livekit/server  ## build the LiveKit server that tests/voice/test_room.py calls (Go, two minutes)

.livekit/server:   # later versions have replace lines, which `go install` refuses
	GOBIN=$(CURDIR)/.livekit GOFLAGS=-buildvcs=false go install github.com/livekit/livekit-server/cmd/server@v1.13.5

clean:             ## remove everything that the targets made
	rm -rf .venv .venv-bench .venv-peers .venv-lighthouse .livekit .fuzz .agents web/node_modules src/interlingua/gateway/static .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
