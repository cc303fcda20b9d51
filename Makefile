# Two commands do everything on a fresh machine with Python 3.11: `make run` and `make test`.
PYTHON ?= python3.11
# llama.cpp, which tests run against, comes as source: its server without its own tests, on as many cores as there are.
export CMAKE_ARGS ?= -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF
export LLAMA_CPP_BUILD_JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
VENV := .venv
BIN := $(VENV)/bin
SCENARIO ?= deepseek-r1-mi355x-vs-b200
# Rooms whose tests fit constants, start processes, engines and apps, or draw whole distributions.
SLOW_ROOMS := benchmarks claim dashboard deploy end_to_end lookup loadgen/health loadgen/workers microbench real_engines runs \
	simulator/ablation simulator/calibration simulator/server simulator/theory simulator/validation store testing

.DEFAULT_GOAL := help
.PHONY: help run test test-fast test-real mutants check format bench peers validate docs clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.run  ## The main job: three deployments of DeepSeek-R1, their cost, a verdict and a page
	$(BIN)/inferbench run $(SCENARIO)

test: $(VENV)/.dev  ## All tests; what this machine lacks is skipped with the reason
	$(BIN)/python -m pytest

test-fast: $(VENV)/.dev  ## The quick tests, five minutes: no browser, wheel, engine, fit or run from end to end
	$(BIN)/python -m pytest -m 'not real and not browser and not wheel' --ignore tests/test_docs.py \
		$(SLOW_ROOMS:%=--ignore tests/%)

test-real: $(VENV)/.dev  ## Tests on real engines, slow: installs them in a cache folder (6 GB) and writes their table
	-PYTHON=$(PYTHON) tests/real_engines/install.sh
	INFERBENCH_REAL_TABLE=docs/real-engines.md $(BIN)/python -m pytest -m real tests/real_engines

mutants: $(VENV)/.mutants  ## Change hot modules and see whether tests notice, slow: make mutants [ONLY="metrics MODULE"]
	$(BIN)/python tests/mutants/run.py $(ONLY)

check: $(VENV)/.dev  ## Formatting, lint, types, and the files that come with inferbench
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/inferbench validate scenarios/*.yaml scenarios/claims/*.yaml pricing/*.yaml

format: $(VENV)/.dev  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.run  ## Speed of the twin, of the client and of imports, as ratios; how punctual the twin is on the wire
	$(BIN)/python benchmarks/twin_speed.py
	$(BIN)/python benchmarks/client_accuracy.py
	$(BIN)/python benchmarks/import_time.py
	$(BIN)/python benchmarks/wire_pacing.py

peers:  ## Set up aiperf and guidellm, which `make bench` then measures too (7 GB in a cache folder)
	PYTHON=$(PYTHON) benchmarks/peers.sh

validate: $(VENV)/.run  ## Score the twin on measured points, on every split: make validate POINTS=FILE
	$(BIN)/inferbench twin validate --points $(POINTS) --document docs/validation.md

docs: $(VENV)/.docs  ## Regenerate what commands make in docs/, the README's picture too, and build the site in build/site
	$(BIN)/python docs/regenerate.py
	$(BIN)/python docs/answer.py
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going docs build/site
	@echo "The site: build/site/index.html"

clean:  ## Remove what was built (runs in reports/ stay)
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.docs: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@ $(VENV)/.run

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@# NIXL asks for torch with CUDA, which its probe does not need; without NIXL its test is skipped.
	-[ "$$(uname)" != Linux ] || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps nixl-cu12==1.5.1
	@touch $@ $(VENV)/.docs $(VENV)/.run

$(VENV)/.mutants: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[mutants]'
	@touch $@
