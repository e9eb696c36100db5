# One command a purpose. `make help` lists them; `make check` is the gate.

PYTHON  ?= python3
PORT    ?= 8470
T       ?= tests
ARGS    ?=
# How many processes test at once: a number, or as many as there are cores. 0 is for a debugger.
WORKERS ?= auto
# ML Metadata, a rival of the benchmarks, has wheels for nothing newer.
PYTHON311 ?= python3.11

VENV := .venv
BIN  := $(VENV)/bin
LOCK := requirements
PIP  := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-peers test-long check static format-check lint types floors \
        fix golden peers bench bench-integrity bench-rivals lock lock-peers clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

setup: $(VENV)/.dev ## make .venv with everything for development, pinned by hash

demo: $(VENV)/.runtime ## load the story of one model, tell it in words and serve it (PORT=8470)
	$(BIN)/lineage demo --port $(PORT)

test: $(VENV)/.dev ## run the tests (T=path, ARGS="-x -k word", WORKERS=0 for a debugger)
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=worksteal $(T) $(ARGS)

test-peers: $(VENV)/.dev ## run the tests that run real tools, which make peers installs
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile -m "peers and not long" $(T) $(ARGS)

test-long: $(VENV)/.dev ## run the tests that take minutes
	$(BIN)/python -m pytest -m long --hypothesis-profile=long $(T) $(ARGS)

check: static test test-peers ## the gate: format, lint, types, floors, tests, docs, wheel

static: format-check lint types floors ## the part of the gate that runs nothing of ours

format-check: $(VENV)/.dev
	$(BIN)/ruff format --check .

lint: $(VENV)/.dev
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy
	$(BIN)/pyright

floors: $(VENV)/.dev
	$(BIN)/lint-imports

fix: $(VENV)/.dev ## format, and repair what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

golden: $(VENV)/.dev ## write the golden files anew; read the difference before you commit it
	$(BIN)/python -m pytest --golden $(T) $(ARGS)

peers: $(VENV)/.dev ## make the environments of the tools that tests run, .venvs/<name>
	$(LOCK)/environments.sh tests/peers/*.txt
	$(LOCK)/node_modules.sh tests/peers/*/package-lock.json

bench: $(VENV)/.dev ## measure; ARGS names one benchmark
	$(BIN)/python -m benchmarks $(ARGS)

bench-integrity: $(VENV)/.dev ## measure proofs, audits and what signing costs; ARGS names one workload
	$(BIN)/python -m benchmarks.integrity $(ARGS)

bench-rivals: $(VENV)/.dev ## measure beside ML Metadata, in an environment of its own
	PYTHON=$(PYTHON311) $(LOCK)/environments.sh benchmarks/rivals/*/requirements.txt
	$(BIN)/python -m benchmarks all --rival $(ARGS)

UVC = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
      --no-emit-index-url --no-header --no-annotate

lock: $(VENV)/.dev ## resolve the dependencies anew (ARGS=--upgrade for newer ones)
	$(UVC) $(ARGS) -o $(LOCK)/runtime.txt pyproject.toml
	$(UVC) $(ARGS) -o $(LOCK)/build.txt --group build -c $(LOCK)/runtime.txt
	$(UVC) $(ARGS) -o $(LOCK)/dev.txt pyproject.toml --group dev \
	    -c $(LOCK)/runtime.txt -c $(LOCK)/build.txt

lock-peers: $(VENV)/.dev ## resolve what these tools need anew (ARGS=--upgrade for newer ones)
	for peer in tests/peers/*.in; do $(UVC) $(ARGS) -o $${peer%.in}.txt $$peer || exit 1; done
	for peer in tests/peers/*/package.json; do (cd $$(dirname $$peer) && npm install --package-lock-only \
	    --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund) || exit 1; done

clean: ## remove what was built, .venv too
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis \
	    .import_linter_cache .benchmarks
	find lineage schemas api tests benchmarks packages -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment -----------------------------------------------------------------------------
# Each stamp is newer than all it was made from, so a second run does nothing. Whoever has the
# development stamp has all that the demo needs.

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' || { \
	    echo "Lineage Ledger needs Python 3.11 to 3.14; $(PYTHON) is" \
	         "$$($(PYTHON) --version 2>&1 || echo missing)." \
	         "Name another one, for example: make setup PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.made pyproject.toml $(LOCK)/runtime.txt $(LOCK)/build.txt
	$(PIP) install --quiet --require-hashes -r $(LOCK)/runtime.txt -r $(LOCK)/build.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.made pyproject.toml $(LOCK)/dev.txt
	$(PIP) install --quiet --require-hashes -r $(LOCK)/dev.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.runtime $@
