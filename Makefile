# Each target prepares what it needs by itself, in .venv beside this file.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help studio web demo test check bench format docs clean

help: ## Show this list
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# torch goes in first and pinned: where a CPU build is offered nothing larger is pulled in later.
$(VENV)/.torch: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Maquette needs Python 3.11 or newer: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || { echo "Making $(VENV) …"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing torch (a few hundred MB, once) …"
	@$(PIP) install --progress-bar on 'torch==2.13.0'
	@touch $@

$(VENV)/.app: $(VENV)/.torch pyproject.toml
	@echo "Installing Maquette …"
	@$(PIP) install --progress-bar on -q -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.torch pyproject.toml
	@echo "Installing Maquette with its tools …"
	@$(PIP) install --progress-bar on -q -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.app

studio: $(VENV)/.app ## Open the studio in the browser
	@$(BIN)/python web/build.py || echo "The studio opens without its pages."
	@$(BIN)/maquette studio

web: $(VENV)/.app ## Build the browser studio where it changed
	@$(BIN)/python web/build.py

demo: $(VENV)/.app ## Carry a picture through the whole loop; writes out/demo/index.html
	@$(BIN)/python -m demo

test: $(VENV)/.dev ## Run every test, on all cores
	@$(BIN)/python web/build.py --run test
	@$(BIN)/python -m pytest -n auto --dist worksteal -q --ignore=tests/web
	@$(BIN)/python -m pytest -q tests/web

check: $(VENV)/.dev ## Lint, types, layering, generated docs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports
	@$(BIN)/python -m maquette.cli.reference --check
	@$(BIN)/python -m maquette.cli.engine_page --check
	@$(BIN)/python web/shapes.py --check
	@$(BIN)/python web/build.py --run check

bench: $(VENV)/.dev ## Measure, side by side in one run; writes out/bench.json
	@$(BIN)/python -m bench

format: $(VENV)/.dev ## Put the code in the house's form
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

docs: $(VENV)/.dev ## Write the pages that come from the code
	@$(BIN)/python -m maquette.cli.reference
	@$(BIN)/python -m maquette.cli.engine_page
	@$(BIN)/python web/shapes.py

clean: ## Remove what the other targets made, the environment too
	rm -rf $(VENV) out build dist web/node_modules src/maquette/server/static .pytest_cache .ruff_cache .hypothesis .import_linter_cache
