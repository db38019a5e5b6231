# Two commands do everything on a fresh machine with Python 3.11, 3.12 or 3.13 and make:
#   make reanalysis      make test
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TRIAL ?= lupil2
OUT ?= outputs/$(TRIAL)

.DEFAULT_GOAL := help
.PHONY: help setup reanalysis test test-fast test-stack validation browser check lock licences schema notebooks calibration operating studies references bench clean

help:  ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: $(READY)  ## Make the virtual environment with the pinned, hashed packages

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else f"Python 3.11, 3.12 or 3.13 is required, {sys.version.split()[0]} found: make PYTHON=/path/to/python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	.ci/install $(BIN)/python requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@echo "Compiling the integrals over site effects, once"
	@$(BIN)/python -W ignore -c "import bayes_lupil as bl; [bl.fit(model, 'beitler_landis') for model in ('site_effects', 'outliers_arms', 'site_student_t')]; bl.fit(bl.model('lupil2/site_effects', points=4096, draws=500), 'lupil2')"
	@touch $@

reanalysis: $(READY)  ## Set up, fit every model to LUPIL-2, write outputs/lupil2 (TRIAL=... OUT=... for others)
	$(BIN)/bayes-lupil reanalyse $(TRIAL) --sites --out $(OUT)

PYTEST := $(BIN)/python -m pytest -q -n 2 --dist worksteal --durations=30

test: $(READY)  ## Set up and run all tests
	$(PYTEST)

test-fast: $(READY)  ## The fast tier
	$(PYTEST) -m "not slow and not proof"

validation: $(READY)  ## Run all slow proofs, also those that are proved (about half an hour)
	$(PYTEST) --validate tests

test-stack: $(READY)  ## The tests of the numerical packages beneath, for another Python
	$(PYTEST) -m stack tests

browser:  ## Install what the browser tests of the report need: Chromium (Debian, root only) and axe-core (npm)
	@tests/browser/install.sh

check: $(READY)  ## Lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock: $(READY)  ## Renew requirements.lock (versions and hashes, no index host)
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --extra dev --python-version 3.11 pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --extra dev --extra bench --constraint requirements.lock --python-version 3.11 pyproject.toml -o requirements-bench.lock

licences: $(READY)  ## Renew LICENCES.md for the Python in use
	$(BIN)/python -m tests.licences

schema: $(READY)  ## Renew models/schema.json
	$(BIN)/bayes-lupil models --schema > models/schema.json

notebooks: $(READY)  ## Run the notebooks and keep their outputs
	$(BIN)/python notebooks/run.py

calibration: $(READY)  ## Renew the stored simulation-based calibrations (about an hour)
	$(BIN)/python -W ignore -m validation.sbc_margins
	$(BIN)/python -W ignore -m validation.sbc_margins --engine importance
	$(BIN)/python -W ignore -m validation.sbc_margins --engine importance --known
	$(BIN)/python -W ignore -m validation.sbc_cells
	$(BIN)/python -W ignore -m validation.sbc_nested
	$(BIN)/python -W ignore -m validation.sbc_joint

operating: $(READY)  ## Renew the operating characteristics of the site models (about an hour)
	$(BIN)/python -W ignore -m bayes_lupil.operating.run

studies: $(READY)  ## Renew the stored studies of Monte Carlo errors (about an hour)
	$(BIN)/python -W ignore -m tests.sensitivity.study

references: $(READY)  ## Renew the stored NUTS runs that the other engines are held against (about an hour and a half)
	$(BIN)/python -W ignore -m tests.engines.nuts_reference

bench: $(READY)  ## Speed and memory beside other software: tests/benchmarks/results.md (about a quarter of an hour)
	.ci/install $(BIN)/python requirements-bench.lock || echo "numpyro could not be installed: its rows will say so"
	$(BIN)/python -m tests.benchmarks $(BENCH)

clean:  ## Remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
