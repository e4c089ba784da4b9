# Everything below installs what it needs into .venv first.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
MACHINES ?= x86_64 aarch64
STAMP  := $(VENV)/.installed

.PHONY: setup run test lint docs site vsix kernels-wheel figures bench audit clean

setup: $(STAMP)  ## .venv, for `. .venv/bin/activate`

run: $(STAMP)  ## the opening line of the language, on embedded data
	$(BIN)/ltdsl run recipes/quickstart.lt

test: $(STAMP)  ## the tests; LTDSL_FULL=1 adds those that take long
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: $(STAMP)  ## what CI checks besides the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(STAMP)  ## whatever of docs/ is written by the code
	$(BIN)/python -m ltdsl.reference
	$(BIN)/python tests/support/trick_table.py
	@if [ -e $(VENV)/.site ]; then $(BIN)/python docs/site/build.py; \
	else echo "the site is not built: make site installs what it takes, and builds it"; fi

site: $(VENV)/.site docs  ## the documentation as a site with a playground, in site/; takes Node.js

$(VENV)/.site: $(STAMP)
	$(BIN)/python -m pip install --quiet --group site
	touch $@

vsix:  ## the extension for VS Code, in editors/vscode/; takes Node.js 20 and npm, and no .venv
	cd editors/vscode && npm install --ignore-scripts --no-audit --no-fund --silent && npm run --silent package

kernels-wheel: $(STAMP)  ## the native kernels, compiled, in dist/: a wheel for each of MACHINES; takes their GCC
	for machine in $(MACHINES); do \
		LTDSL_KERNELS_FOR=$$machine $(BIN)/python -m build --wheel --outdir dist runtime/kernels_wheel || exit 1; \
	done

figures: $(STAMP)  ## what `ltdsl doctor --verify` compares with, anew; after changes of numbers, and for a new trick
	$(BIN)/python -m ltdsl.doctor

bench: $(STAMP)  ## ratios of one run, see benchmarks/README.md
	$(BIN)/python -m benchmarks

NO_VERDICT = { echo "make audit: no verdict, as not all could be asked about (why is above): nothing is known of vulnerabilities" >&2; exit 2; }

audit: $(STAMP)  ## known vulnerabilities of what is installed; asks the package index
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --upgrade pip || $(NO_VERDICT)
	$(VENV)/audit/bin/python -m pip install --quiet --group audit || $(NO_VERDICT)
	$(BIN)/python -m pip list --format freeze --exclude-editable > $(VENV)/audit/installed.txt
	@rm -f $(VENV)/audit/found.txt
	@if $(VENV)/audit/bin/pip-audit --strict --disable-pip --no-deps --requirement $(VENV)/audit/installed.txt \
		--output $(VENV)/audit/found.txt; then :; \
	elif [ -s $(VENV)/audit/found.txt ]; then cat $(VENV)/audit/found.txt; exit 1; \
	else $(NO_VERDICT); fi

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12) and "MindSpore needs Python 3.10, 3.11 or 3.12: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[train]" --group dev
	touch $@

clean:
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
