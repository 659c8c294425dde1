# What a fresh machine needs: Python 3.11 or newer with venv, make, and nothing else.
# `make` alone lists what can be done. Another Python: make demo PYTHON=python3.12

PYTHON ?= python3
VENV ?= .venv
DEMO ?= demo
TRAINING ?= training_run
PYTEST_ARGS ?=
# Cases a parser that `make fuzz` tries.
CASES ?= 10000
# Tests run in as many processes as there are cores, eight at the most; WORKERS=0: in one.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$((n > 8 ? 8 : n)))
# Debian packages that some tests drive: the report is looked at in a real browser, the panels in
# a real window on a screen of their own (Xvfb) with what Qt and OpenGL need there.
SYSTEM_PACKAGES = chromium \
  xvfb xauth libgl1 libegl1 libgl1-mesa-dri libdbus-1-3 libfontconfig1 libxkbcommon-x11-0 \
  libx11-xcb1 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 \
  libxcb-render-util0 libxcb-shape0 libxcb-xkb1 fonts-dejavu-core

BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo gui test fuzz system-packages lint types format docs bench train install install-dev clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 20

demo: $(VENV)/.installed ## install if needed, then analyse a synthetic plate into ./demo
	$(BIN)/spheroid-qc demo --out $(DEMO)

gui: $(VENV)/.installed-gui ## install napari if needed, and open it with the panels (FOLDER=...)
	$(BIN)/spheroid-qc gui $(if $(FOLDER),"$(FOLDER)")

test: system-packages lint types ## install what tests need (it says what and why), then style, types and the suite
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(PYTEST_ARGS)

fuzz: $(VENV)/.installed-dev ## feed CASES (10000) damaged or hostile inputs to each parser; an hour or more
	SPHEROID_QC_FUZZ=$(CASES) $(BIN)/python -m pytest -n $(WORKERS) tests/fuzz $(PYTEST_ARGS)

system-packages: ## install what tests need beside Python, where apt-get may be used
	@sh tests/system_packages.sh $(SYSTEM_PACKAGES)

docs: $(VENV)/.installed-docs ## build the pages of docs/ into site/; a broken link is an error
	$(BIN)/python docs/generate.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

lint: $(VENV)/.installed-dev ## check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev ## check types (mypy --strict)
	$(BIN)/mypy

format: $(VENV)/.installed-dev ## mend what can be mended by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev ## measure speed and, where reference images are at hand, accuracy
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/accuracy.py

train: $(VENV)/.installed-dev ## train the network anew (two hours or more, needs PyTorch and the images in $(SPHEROID_QC_SHARED); continues where it stopped)
	$(PIP) install --editable '.[training]'
	$(BIN)/python -m training.train --out $(TRAINING)/first
	$(BIN)/python -m training.bank --shared $(SPHEROID_QC_SHARED) --bank $(TRAINING)/bank
	$(BIN)/python -m training.leave_out --base $(TRAINING)/first/state_0.pt --bank $(TRAINING)/bank --out $(TRAINING)/folds
	$(BIN)/python -m training.finetune --base $(TRAINING)/first/state_0.pt --bank $(TRAINING)/bank --out $(TRAINING)/second
	$(BIN)/python -m training.export --state $(TRAINING)/second --base $(TRAINING)/first/state_0.pt
	$(BIN)/python -m training.calibrate --shared $(SPHEROID_QC_SHARED) --folds $(TRAINING)/folds

install: $(VENV)/.installed ## make .venv with the program
install-dev: $(VENV)/.installed-dev ## make .venv with the program and the developers' tools

clean: ## remove what the other targets made, except .venv
	rm -rf build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# The stamps stand for "installed as pyproject.toml says": editing that file installs anew.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(PIP) install --editable .
	@touch $@

$(VENV)/.installed-gui: pyproject.toml | $(BIN)/python
	$(PIP) install --editable '.[all]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV): the program and MkDocs-Material, to build the pages."
	$(PIP) install --editable '.[docs]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV), and nowhere else, the program and the extra dev of pyproject.toml:"
	@echo "  pytest with its plug-ins and hypothesis, to run the tests;"
	@echo "  napari with Qt, because the panels are tested in a real window (the largest part);"
	@echo "  ruff, mypy and type stubs, for style and types; MkDocs-Material, to build the pages;"
	@echo "  Dask, because runs on several machines are tested with a scheduler and two workers;"
	@echo "  hatchling and npe2, because wheel and manifest are tested; pre-commit, for the hooks."
	$(PIP) install --editable '.[dev]'
	@touch $@ $(VENV)/.installed

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "$(PYTHON) was not found. On Debian or Ubuntu type:"; \
	  echo "    sudo apt-get install -y python3 python3-venv make"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "spheroid_qc needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) -V 2>&1`."; \
	  echo "Name a newer one: make PYTHON=python3.12 ..."; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) comes without venv. On Debian or Ubuntu type:"; \
	  echo "    sudo apt-get install -y python3-venv make"; exit 2; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 2; }
