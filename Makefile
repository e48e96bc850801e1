# aurorad: `make demo` shows a night, `make test` runs the tests. Each prepares what it needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -q
ARGS   ?=
WORKERS ?= 4
# The processes share the cores, so none of them takes several; what Python has compiled is kept for the many
# that tests start, also where PYTHONDONTWRITEBYTECODE is set.
SHARING := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 OPENCV_FOR_THREADS_NUM=1 PYTHONDONTWRITEBYTECODE=

.PHONY: demo test lint bench soak browser lock languages clean help
.DEFAULT_GOAL := help

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1  /p' $(MAKEFILE_LIST) | expand -t 10

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "aurorad needs Python 3.11 or newer; '$(PYTHON)' is not. Call: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3 cannot make a virtual environment here; install its venv module (Debian: apt install python3-venv)" >&2; exit 2; }

$(VENV)/.watching: pyproject.toml requirements.lock | $(BIN)/python
	@echo "Installing what watching needs (about half a minute) …"
	@sh deploy/prepare.sh watching
	@$(PIP) install -c requirements.lock -e .
	@touch $@

$(VENV)/.testing: $(VENV)/.watching
	@echo "Installing what training and testing need (torch with it: about 6 GB, a few minutes) …"
	@sh deploy/prepare.sh testing
	@$(PIP) install -c requirements.lock -e '.[training,dev,cluster,science]'
	@touch $@

demo: $(VENV)/.watching  ## a night in minutes: stand-in AuroraMAX site, daemon, page, alerts in the terminal
	@$(BIN)/aurorad demo $(ARGS)

test: $(VENV)/.testing  ## the tests, file by file in WORKERS processes (4: many tests wait)
	@$(SHARING) $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(VENV)/.testing  ## ruff, mypy, pip-audit
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy
	@$(BIN)/python deploy/audit.py

bench: $(VENV)/.testing  ## the ratios, as one table
	@$(PIP) install --no-deps 'grad-cam==1.5.7' 'ttach==0.0.3' tqdm  # without its opencv-python-headless, which breaks cv2
	@$(BIN)/python -m tests.bench $(ARGS)

soak: $(VENV)/.testing  ## the long tests: crash loop, a month of nights
	@$(BIN)/python -m pytest -m soak $(ARGS)

browser: $(VENV)/.testing  ## the page in a real Chromium, its accessibility by axe-core
	@$(BIN)/python -m pytest tests/browser $(ARGS)

COMPILE = $(BIN)/uv pip compile --universal -p 3.11 --no-emit-index-url --no-annotate --custom-compile-command "make lock" pyproject.toml -q

lock:  ## resolve the dependencies anew: requirements.lock, with hashes what install.sh and the image install, the images' digests
	@$(PIP) install uv
	@$(COMPILE) --all-extras --upgrade -o requirements.lock
	@$(COMPILE) --generate-hashes -c requirements.lock -o deploy/watch.lock
	@$(COMPILE) --generate-hashes -c requirements.lock --extra gpu -o deploy/watch-gpu.lock
	@$(BIN)/python deploy/pin.py

languages: $(VENV)/.testing  ## the page's catalogues: gather its sentences, compile the translations
	@$(BIN)/python deploy/languages.py

clean:  ## forget the environment and all caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
