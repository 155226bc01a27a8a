# Everything a developer or the operator of a demo types. Needs make, Python 3.11 or newer with venv, and pip; no root.
#   make demo DATA=folder PORT=8000        make test ARGS="-k word"        make setup TORCH_INDEX=<index with CPU wheels>

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v "$$name" && break; done)
PORT ?= 8000
DATA ?=
ARGS ?=
JOBS ?= 2
UV ?= uv
TORCH_INDEX ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
READY := $(VENV)/.ready
READY_TO_WORK := $(VENV)/.ready-to-work
WARM := $(VENV)/.warm
TEXTS := $(VENV)/.texts
CATALOGUES := $(wildcard nodules_app/locale/*/LC_MESSAGES/django.po)
KERNELS := $(wildcard registration/*.py inference/*.py)
WARMERS := $(patsubst %/warm.py,%.warm,$(wildcard registration/warm.py inference/warm.py))

# What `check --deploy` and the build of static files see: a production that is complete and reaches nothing.
LIKE_PRODUCTION := NODULES_PRODUCTION=true SECRET_KEY=$(shell head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n') \
	ALLOWED_HOSTS=clinic.example DATABASE_URL=postgresql://nowhere/clinic REDIS_URL=redis://nowhere

define INTERRUPTED
{ echo "Not all packages could be fetched; the line above says why (network? less than 5 GB of disk?)." \
  "Run the same command again: what was fetched is kept." >&2; exit 1; }
endef

.PHONY: help
help:  ## what there is to type
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "make %-14s %s\n", $$1, $$2}'

# --- set up -----------------------------------------------------------------------------------------------------------

.PHONY: setup
setup: $(READY) $(TEXTS) $(WARM)  ## the virtual environment, pinned packages, texts and compiled kernels

$(VENV)/pyvenv.cfg:
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer is needed and was not found." \
	  "Install it, or say where it is: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is too old: Python 3.11 or newer is needed (make PYTHON=/path/to/python3 ...)." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) comes without venv or pip: install them (on Debian and Ubuntu the package python3-venv)." >&2; exit 1; }
	@echo "making $(VENV) with $(PYTHON)"
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "The virtual environment could not be made: is the disk full, or this folder read-only?" >&2; exit 1; }

# Without bytecode: Python writes it where it is used, and most of these packages' files never are (36 CPU seconds).
$(READY): requirements.txt | $(VENV)/pyvenv.cfg
	@echo "installing the pinned packages (2 GB, some minutes the first time)"
	@if [ -n "$(TORCH_INDEX)" ]; then \
	  $(PIP) install --no-compile --index-url "$(TORCH_INDEX)" "$$(grep '^torch==' requirements.txt)" || $(INTERRUPTED); fi
	@$(PIP) install --no-compile -r requirements.txt || $(INTERRUPTED)
	@touch $@

$(READY_TO_WORK): requirements-dev.txt $(READY)
	@echo "installing the tools for tests and checks"
	@$(PIP) install --no-compile -r requirements-dev.txt || $(INTERRUPTED)
	@touch $@

$(TEXTS): $(CATALOGUES) $(READY)
	@$(BIN)/python manage.py messages --compile
	@touch $@

# Each in a process of its own: a process that has run a parallel kernel must not be forked afterwards.
$(WARM): $(READY) $(KERNELS)
	@for package in $(WARMERS:.warm=); do echo "compiling the kernels of $$package"; $(BIN)/python -m $$package.warm; done
	@touch $@

# --- use --------------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: setup  ## the whole product with a simulated clinic (DATA=folder with DICOM instead, PORT=8000)
	@exec $(BIN)/python manage.py demo --port $(PORT) $(if $(DATA),--data "$(DATA)")

.PHONY: tools
tools: $(READY_TO_WORK) $(TEXTS)  ## what tests and checks need, and nothing run yet

# Files in their order, not the ones with the most tests first: those with one long test would come last, and one
# worker would wait for the other. So the many short unit tests are the last.
.PHONY: test
test: tools  ## all tests, on a PostgreSQL and a Valkey of their own (ARGS="-k word", JOBS=1)
	@$(BIN)/python -m pytest $(if $(JOBS),-n $(JOBS) --dist loadfile --no-loadscope-reorder) $(ARGS)

.PHONY: check
check: tools  ## everything that can be judged without running the tests
	@failed=; \
	step() { echo "== $$1"; shift; "$$@" || failed=1; }; \
	step "format" $(BIN)/ruff format --quiet --check .; \
	step "lint" $(BIN)/ruff check --quiet .; \
	step "types" $(BIN)/mypy; \
	step "who imports whom" $(BIN)/lint-imports --no-logo; \
	step "lint of the templates" $(BIN)/djlint templates --lint --quiet; \
	step "texts complete in every language" $(BIN)/python manage.py messages --check; \
	step "requirements in step" $(BIN)/python .ci/requirements.py check; \
	step "migrations complete" $(BIN)/python manage.py makemigrations --check --dry-run; \
	step "migrations safe on a live system" env DJANGO_SETTINGS_MODULE=tests.migration_settings \
	  $(BIN)/python manage.py lintmigrations --quiet ok ignore warning \
	  --ignore-name 0004_one_truth_of_lobe_and_margin 0007_everybody_belongs_to_a_clinic 0009_guards_of_steps \
	  0016_measured_together 0037_sealed_secrets 0038_answers_of_findings; \
	step "fit for production" env $(LIKE_PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING; \
	if [ -n "$$failed" ]; then echo "make check: something above has to be mended" >&2; exit 1; fi; \
	echo "make check: all good"

.PHONY: fmt
fmt: $(READY_TO_WORK)  ## put code and templates into their form
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --quiet --fix .

.PHONY: mutants
mutants: $(READY_TO_WORK)  ## plant faults in the clinical core and list those that no test notices (ARGS="--sample 100")
	@$(BIN)/python -m tests.mutants mistakes
	@$(BIN)/python -m tests.mutants general $(ARGS)

.PHONY: bench
bench: $(READY_TO_WORK) $(WARM)  ## measure, as ratios against a peer in the same run; appends to docs/benchmarks.md
	@{ printf '\n## %s, %s\n\n```\n' "$$(date -u +%F)" "$$(git rev-parse --short HEAD)"; \
	  for file in tests/benchmarks/bench_*.py; do $(BIN)/python -m "tests.benchmarks.$$(basename "$$file" .py)"; done; \
	  printf '```\n'; } | tee -a docs/benchmarks.md

MODEL ?= candidates
KNOWN ?= var/training/known
MADE ?= var/training/made
NODULES ?= var/training/nodules

.PHONY: train
train: $(READY_TO_WORK) $(WARM)  ## make the data, train a learned model, measure it (MODEL=candidates growth outline phenotype)
	@case "$(MODEL)" in candidates | growth | outline | phenotype) ;; *) \
	  echo "There is nothing to train for '$(MODEL)': MODEL=candidates, growth, outline or phenotype." >&2; exit 1;; esac
	@$(MAKE) --no-print-directory train-$(MODEL)

.PHONY: train-pairs
train-pairs:
	@$(BIN)/python -m inference.training.known_nodules $(KNOWN) --seeds $$(seq 1 16) $$(seq 18 30)
	@if [ ! -d $(MADE) ]; then $(BIN)/python -m tests.benchmarks.bench_registration --folder $(MADE); fi

.PHONY: train-growth
train-growth: train-pairs
	@$(BIN)/python -m inference.training.known_nodules $(KNOWN) --seeds $$(seq 61 64)
	@$(BIN)/python -m tests.benchmarks.measured_pairs $(KNOWN) $(KNOWN)/measured.jsonl --seeds $$(seq 61 64)
	@$(BIN)/python -m tests.benchmarks.learned_pairs $(MADE)-fresh
	@$(BIN)/python -m inference.training.growth $(KNOWN) $(ARGS)
	@$(BIN)/python -m tests.benchmarks.calibrate_growth $(MADE)
	@$(BIN)/python -m tests.benchmarks.evaluate_growth $(KNOWN) --measured $(KNOWN)/measured.jsonl --made $(MADE) --fresh $(MADE)-fresh

.PHONY: train-candidates
train-candidates: train-pairs
	@$(BIN)/python -m inference.training.candidates --known $(KNOWN) $(ARGS)
	@$(BIN)/python -m tests.benchmarks.evaluate_candidates --made $(MADE)

.PHONY: train-outline train-phenotype
train-outline train-phenotype: train-%:
	@$(BIN)/python -m inference.training.nodule_data $(NODULES) --seeds $$(seq 1 30)
	@$(BIN)/python -m inference.training.nodule_data $(NODULES)/held-out --blocks --seeds $$(seq 901 910)
	@$(BIN)/python -m tests.benchmarks.classical_nodules $(NODULES)/held-out $(NODULES)/measured.jsonl
	@$(BIN)/python -m inference.training.$* $(NODULES) $(ARGS)
	@$(BIN)/python -m tests.benchmarks.evaluate_$* $(NODULES)/held-out --classical $(NODULES)/measured.jsonl

.PHONY: docs
docs: $(READY)  ## write the parts of docs/ that come from the code
	@$(BIN)/python manage.py print_guidelines
	@$(BIN)/python manage.py print_lifecycles

.PHONY: messages
messages: $(READY_TO_WORK)  ## collect the texts for the translators
	@$(BIN)/python manage.py messages

.PHONY: requirements
requirements: $(READY)  ## pin the packages anew from pyproject.toml (needs uv; UV=/path/to/uv)
	@command -v $(UV) >/dev/null || { echo "uv is needed to pin for every platform: pip install uv, then UV=..." >&2; exit 1; }
	@$(BIN)/python .ci/requirements.py write "$(UV)"

.PHONY: clean
clean:  ## remove caches and built texts; .venv and the data in var/ stay
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage staticfiles $(TEXTS) $(CATALOGUES:.po=.mo) $(WARM)
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
