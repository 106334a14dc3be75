# make run    transcribe the bundled clip, word by word as it is spoken; FILE=talk.mp3 for one of your own
# make test   lint, types and tests
# make bench  every table of benchmarks/, peers beside it, rows appended to benchmarks/SPEED.md; figures and plots in bench/
# All set up .venv first, when it is not there or pyproject.toml has changed. Nothing is installed outside of it.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SAMPLE := models/wren-en/sample.wav
FILE ?=

.PHONY: run test lint bench clean

run: .venv/.installed
ifneq ($(FILE),)
	@$(BIN)/voxtral transcribe "$(FILE)"
else
	@test -f $(SAMPLE) || { echo "$(SAMPLE) is missing from this checkout; try: make run FILE=talk.mp3" >&2; exit 1; }
	@$(BIN)/voxtral transcribe --model wren-en --realtime $(SAMPLE)
endif

test: lint
	$(BIN)/pytest

lint: .venv/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: .venv/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks --log

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis dist build

.venv/.installed: pyproject.toml
	@echo "installing into .venv; the first time this takes a minute or more"
	$(PYTHON) -m venv .venv
	$(PIP) --editable '.[assistant,voices]'
	@touch $@

# Holds all that .installed does, so that a `make run` afterwards has nothing left to install.
.venv/.dev: pyproject.toml
	@echo "installing into .venv, with the tools for development; the first time this takes a minute or more"
	$(PYTHON) -m venv .venv
	$(PIP) --editable '.[dev]'
	@touch .venv/.installed $@
