# Each target works from a bare checkout: it makes .venv, installs, and runs.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
EXTRAS := video,heic,spark
THIS := $(if $(EXTRAS),.[$(EXTRAS)],.)
CORE := $(VENV)/.core
STAMP := $(VENV)/.installed
UV := build/uv/bin/uv
PYTEST := -m pytest -n auto --dist loadgroup --no-loadscope-reorder
TESTS ?=

NOTEBOOKS := $(patsubst %,build/%,$(wildcard notebooks/*.ipynb))

.PHONY: demo docs test test-bare test-oldest test-pandas2 test-no-extras wheel check lint types lab format clean

$(CORE): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mmtoolkit needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --editable .
	touch $(CORE)

$(STAMP): $(CORE)
	$(PY) -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	$(PY) -m pip install --quiet --disable-pip-version-check --editable "$(THIS)" --group dev
	$(PY) -W ignore -c "import umap, pynndescent, plotly.graph_objects, sklearn.linear_model"
	touch $(STAMP)

demo: $(CORE)  ## cluster, classify and map 756 pictures offline, and write a report; installs the core only
	$(VENV)/bin/mmtoolkit demo

test: $(STAMP)  ## every test, doctests and notebooks included; TESTS=tests/cli for some
	$(PY) $(PYTEST) $(TESTS)

wheel: $(STAMP)  ## the wheel and the source archive, in dist/
	rm -rf dist
	$(PY) -m hatchling build -d dist

test-bare: wheel  ## install the wheel as a user does, and run the demo
	$(PYTHON) -m venv --clear build/bare
	build/bare/bin/python -m pip install --quiet --disable-pip-version-check dist/*.whl
	cd build/bare && bin/mmtoolkit doctor && bin/mmtoolkit demo

test-no-extras:  ## the tests without video, heic and spark
	$(MAKE) test EXTRAS= VENV=build/no-extras PYTEST="$(PYTEST) --doctest-ignore-import-errors"

$(UV):
	$(PYTHON) -m venv build/uv
	build/uv/bin/python -m pip install --quiet --disable-pip-version-check uv

build/oldest.txt: pyproject.toml | $(UV)  # the lowest version of each requirement of ours, and of nothing else
	$(UV) pip compile --quiet --no-deps --resolution lowest-direct --python-version 3.11 --all-extras pyproject.toml -o $@

build/pandas2.txt: | $(UV)
	echo "pandas<3" > $@

test-oldest: build/oldest.txt  ## the tests with the lowest versions that pyproject.toml allows
test-pandas2: build/pandas2.txt  ## the tests with the newest pandas 2
test-oldest test-pandas2: test-%: | $(UV)
	$(UV) venv --quiet --clear --seed --python "$(PYTHON)" build/$*
	$(UV) pip install --quiet --python build/$*/bin/python --constraint build/$*.txt --editable "$(THIS)" --group test
	$(UV) pip list --quiet --python build/$*/bin/python
	build/$*/bin/python $(PYTEST) $(TESTS)

build/notebooks/%.ipynb: notebooks/%.ipynb | $(STAMP)  # the tests leave what they executed
	$(PY) -m pytest -q "tests/test_notebooks.py::test_notebook_runs[$*]"

docs: $(STAMP) $(NOTEBOOKS)  ## the site, in build/docs; a warning is an error
	$(PY) -m pip install --quiet --disable-pip-version-check --group docs
	MMTOOLKIT_CACHE=build/cache $(PY) -m sphinx -q -W --keep-going -d build/doctrees docs build/docs

check: lint types  ## lint and types

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(STAMP)
	$(VENV)/bin/mypy
	mkdir -p build && sed -n '/^```python$$/,/^```$$/{/^```/!p;}' docs/agents.md > build/agents.py  # a user's script
	$(VENV)/bin/mypy --strict build/agents.py

format: $(STAMP)
	$(VENV)/bin/ruff check --fix-only --quiet .
	$(VENV)/bin/ruff format --quiet .

lab: $(STAMP)  ## JupyterLab on the notebooks
	$(VENV)/bin/jupyter lab notebooks

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
