# Everything a developer or an operator of the demo types. Needs make, Python 3.11 or newer with venv, and pip; no root.
# `make demo DATA=folder PORT=8000`, `make setup TORCH_INDEX=URL-of-a-package-index` (for a torch without CUDA), `make test ARGS="-k word"`.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	if command -v $$name >/dev/null && $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then command -v $$name; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PORT ?= 8000
DATA ?=
ARGS ?=
TORCH_INDEX ?=
READY := $(VENV)/.ready
READY_TO_WORK := $(VENV)/.ready-to-work

.PHONY: help
help:  ## what there is to type
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "make %-14s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(READY)  ## virtual environment with the pinned packages, compiled catalogues, warm kernels

$(VENV)/pyvenv.cfg:
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer is needed and was not found: install it, or say where it is: make PYTHON=/path/to/python3 …" >&2; exit 1; fi
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) lacks venv or pip: install its package (Debian and Ubuntu: python3-venv)." >&2; exit 1; }
	@echo "making $(VENV) with $(PYTHON)"
	@"$(PYTHON)" -m venv $(VENV) || { echo "The virtual environment could not be made: is the disk full, or $(CURDIR) read-only?" >&2; rm -rf $(VENV); exit 1; }

$(READY): requirements.txt $(VENV)/pyvenv.cfg
	@echo "installing the packages of requirements.txt (2 GB, some minutes the first time)"
	@if [ -n "$(TORCH_INDEX)" ]; then $(PIP) install --index-url "$(TORCH_INDEX)" "$$(grep '^torch==' requirements.txt)" || { $(call interrupted); }; fi
	@$(PIP) install -r requirements.txt || { $(call interrupted); }
	@touch $@

interrupted = echo "The packages could not all be fetched: look at the line above (network, or less than 3 GB of disk), then run the same command again; what was fetched is kept." >&2; exit 1

$(READY_TO_WORK): requirements-dev.txt $(READY)
	@echo "installing the tools of requirements-dev.txt"
	@$(PIP) install -r requirements-dev.txt || { $(call interrupted); }
	@touch $@

.PHONY: demo
demo: $(READY)  ## the whole product with a simulated clinic (DATA=folder imports real DICOM, PORT=8000)
	@exec $(BIN)/python manage.py demo --port $(PORT) $(if $(DATA),--data "$(DATA)")

.PHONY: test
test: $(READY_TO_WORK)  ## all tests, on a real PostgreSQL and Valkey of their own (ARGS=...)
	@$(BIN)/python -m pytest $(ARGS)
