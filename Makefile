# Each target works from a bare checkout: it makes .venv, installs, and runs.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
EXTRAS := video,heic,spark
STAMP := $(VENV)/.installed

.PHONY: demo test check lint types lab format clean

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mmtoolkit needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	$(PY) -m pip install --quiet --disable-pip-version-check --editable ".[$(EXTRAS)]" --group dev
	$(PY) -W ignore -c "import umap, pynndescent, plotly.graph_objects, sklearn.linear_model"
	touch $(STAMP)

demo: $(STAMP)  ## cluster, classify and map 756 pictures offline, and write a report
	$(VENV)/bin/mmtoolkit demo

test: $(STAMP)  ## every test, doctests and notebooks included
	$(PY) -m pytest -n auto --dist loadgroup --no-loadscope-reorder

check: lint types  ## lint and types

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(STAMP)
	$(VENV)/bin/mypy

format: $(STAMP)
	$(VENV)/bin/ruff check --fix-only --quiet .
	$(VENV)/bin/ruff format --quiet .

lab: $(STAMP)  ## JupyterLab on the notebooks
	$(VENV)/bin/jupyter lab notebooks

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
