# Two commands do all the set-up: `make demo` and `make test`. Each needs python3 (3.11 or 3.12) with venv, and make.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
DEV_READY := .venv/.dev-ready
OUT ?= out

.PHONY: help install demo test lint clean

help:
	@echo "make demo      install, then hold a short conversation; leaves videos in $(OUT)/"
	@echo "make test      install, then check style, types and run the tests"
	@echo "make install   install only, into .venv"
	@echo "make clean     remove .venv and $(OUT)/"

# Flite is a Debian package with friendlier voices than eSpeak NG's. It is installed where that is possible without asking;
# elsewhere eSpeak NG speaks, and the tests that need Flite are left out and say so.
FLITE = if ! command -v flite >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq flite; } >/dev/null 2>&1 || \
	  echo "Flite could not be installed; eSpeak NG will speak."; fi

# Debian's python3 makes virtual environments without pip unless python3-venv is installed: then pip is put in from outside.
VENV = $(PYTHON) -m venv .venv >/dev/null 2>&1 || { \
	  $(PYTHON) -m venv --clear --without-pip .venv && \
	  $(PYTHON) -m pip --python .venv/bin/python install --quiet --disable-pip-version-check pip; }

# mediapipe and silero-vad name dependencies that are never imported here (jax, torchaudio, a cv2 that needs libGL):
# they go in without them. See requirements.txt.
$(READY): requirements.txt no-deps.txt pyproject.toml
	@echo "Installing into .venv (some minutes the first time: PyTorch is large) …"
	@start=$$SECONDS; \
	 $(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info < (3, 13), "Visavis needs Python 3.11 or 3.12, this is " + sys.version.split()[0]' && \
	 { $(VENV); } && \
	 $(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt && \
	 $(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r no-deps.txt && \
	 $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable . && \
	 { $(FLITE); } && \
	 touch $(READY) && \
	 echo "Installed in $$((SECONDS - start)) s."

$(DEV_READY): $(READY) requirements-dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt && touch $(DEV_READY)

install: $(READY)

demo: $(READY)
	@start=$$SECONDS; $(BIN)/visavis demo --output $(OUT) && echo "make demo: the conversation took $$((SECONDS - start)) s."

test: $(DEV_READY) lint
	@$(BIN)/python -m pytest

lint: $(DEV_READY)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

clean:
	rm -rf .venv $(OUT)
