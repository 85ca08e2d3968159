# The front door. `make` alone tells what there is. Needs sh, python3 (3.11 or newer) and make;
# what else is missing is fetched, or a sentence says how to get it.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
LOCK := requirements.lock

# Who keeps no bytecode compiles all of it at every start of a program: 0.6 s of CPU each.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help certify test suites check drill campaign bench mutants tables lock hooks clean

help:  ## tell what there is
	@echo 'seatrial puts a stateful workload on Kubernetes on trial. From here:'
	@echo
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18
	@echo
	@echo 'All of it sets up $(VENV) first; then $(BIN)/seatrial is the program itself.'

certify: $(READY)  ## try the default subject on a cluster of its own; PROFILE=ledger SEED=1
	@$(BIN)/seatrial certify $(or $(PROFILE),ledger) $(if $(SEED),--seed $(SEED))

test: check  ## everything that must pass: check, then the suites on a cluster
	@$(MAKE) --no-print-directory suites

check: $(READY)  ## style, types, imports and tests/: no cluster, seconds
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest tests -n auto --dist loadfile

# The suites run in the background of this shell so that a signal is heard at once; the shell
# would else wait for their end. Ctrl-C reaches them by itself, SIGTERM is passed on as Ctrl-C.
# Whatever happens, the cluster goes down last. Trials that disturb nobody run side by side, each in
# its namespace; what disrupts runs alone, and last. pytest's 5 is
# a choice that left no test in one of the two halves.
suites: $(READY)  ## the suites alone, on a cluster that goes down afterwards; ARGS='-k rebind'
	@set -eu; child=; \
	down() { code=$$?; trap '' INT TERM; $(BIN)/seatrial cluster down --engine; exit $$code; }; \
	trap down EXIT; \
	trap '[ -z "$$child" ] || wait $$child || true; exit 130' INT; \
	trap '[ -z "$$child" ] || { kill -INT $$child; wait $$child || true; }; exit 143' TERM; \
	run() { env --default-signal=INT,QUIT $(BIN)/pytest suites -m "$$@" $(ARGS) & child=$$!; \
	  code=0; wait $$child || code=$$?; child=; [ $$code -eq 5 ] || return $$code; }; \
	$(BIN)/seatrial cluster up; \
	run "not disruptive and not campaign" -n 2 --dist loadgroup; \
	run "disruptive and not campaign"

drill: $(READY)  ## break a thing on purpose and heal it; DRILL=node-loss, lists them without
	@$(BIN)/seatrial drill $(DRILL)

# What passed with the code as it is, is left out by the next call; one call begins no test that
# would not end within 55 minutes. 0: nothing is left. pytest's 5 says that all passed before.
campaign: $(READY)  ## many trials, faults, drills and kills, an hour at a time: call it until it says 0 left; ARGS='-k killed'
	@code=0; env --default-signal=INT,QUIT $(BIN)/pytest suites -m campaign \
	  --trial-campaign $(or $(LEDGER),reports/runs/campaign.jsonl) $(ARGS) || code=$$?; \
	[ $$code -eq 5 ] || exit $$code

bench: $(READY)  ## measure our machinery beside what others offer: no cluster, some minutes
	@$(BIN)/seatrial bench $(ARGS)

# It goes on where the last call stopped, with what changed since; 0: nothing is left. docs/mutants.md
mutants: $(READY)  ## change the judges in one place at a time and tell what no test notices, an hour at a time; ARGS='seatrial.checks.storage.*', or a sample: ARGS=400 SEED=9
	@$(BIN)/python -m seatrial.bench.mutants $(ARGS) $(if $(SEED),seed=$(SEED))

hooks: $(READY)  ## run the checks before each of your commits
	@$(BIN)/pre-commit install

tables: $(READY)  ## write docs/tables.md again from the code
	@$(BIN)/python -c 'from seatrial.cli.tables import page; print(page(), end="")' > docs/tables.md

lock: $(READY)  ## choose the newest allowed versions of every dependency
	@{ sed -n '/^#/!q;p' $(LOCK); \
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
	  --upgrade --generate-hashes --no-emit-index-url --no-header --quiet; } > $(LOCK).new
	@mv $(LOCK).new $(LOCK)

clean:  ## remove what was made here: .venv, caches, dist; runs and clusters stay
	rm -rf $(VENV) dist .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# `unfinished` marks an environment whose making was cut off: it is made again from nothing.
# uv installs the lock in a tenth of pip's time; where it cannot (it does not read pip's own
# configuration), pip does.
$(READY): $(LOCK) pyproject.toml hatch_build.py
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "wanted: python3, version 3.11 or newer" >&2; \
	  echo "seen: $$(python3 --version 2>&1)" >&2; \
	  echo "try: apt-get install python3, or put a newer python3 first in PATH" >&2; exit 1; }
	@python3 -c 'import ensurepip, venv' 2>/dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get update && apt-get install -y python3-venv && python3 -c 'import ensurepip, venv'; } || { \
	  echo "wanted: python3's venv module" >&2; \
	  echo "seen: $$(command -v python3) comes without it" >&2; \
	  echo "try: apt-get install python3-venv, as root" >&2; exit 1; }
	@echo "making $(VENV), about 15 s"
	@[ -x $(BIN)/pip ] && [ ! -e $(VENV)/unfinished ] || python3 -m venv --clear $(VENV)
	@touch $(VENV)/unfinished
	@awk '/^[^ #]/ { on = /^uv==/ } on' $(LOCK) > $(VENV)/uv.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes $(LOCK) || \
	  $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --offline --editable .
	@rm $(VENV)/unfinished
	@touch $@
