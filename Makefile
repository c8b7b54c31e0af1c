# `make help` lists what there is. On a fresh machine `make up` gets what is missing first.
PYTHON ?= python3
STACK ?= dev

PY := .venv/bin/python
CLI_VERSION := $(shell sed -nE 's/^.*pulumi\/pkg\/v3 (v[0-9.]+)( .*)?$$/\1/p' tests/support/cli/go.mod)
CLI_VERSION_OF := github.com/pulumi/pulumi/sdk/v3/go/common/version.Version
CLI := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/longshore/pulumi-$(CLI_VERSION)
DEBUG_OPTION := $(if $(DEBUG),--debug)
SERVICE_OPTION := $(if $(SERVICE),--service $(SERVICE))
VENV_REMEDY := on Debian and Ubuntu: apt-get install python3-venv; or name another one: make PYTHON=/path/to/python3

VARIABLES := STACK YES BACK ALLOW_UNCHECKED DEBUG REVISION SERVICE TESTS PYTHON
# With a misspelt STACK another stack would be operated. In MAKEOVERRIDES, a blank within a value is escaped.
BLANK := $(subst ,, )
UNKNOWN := $(filter-out $(VARIABLES),$(foreach each,$(subst \$(BLANK),,$(MAKEOVERRIDES)),$(firstword $(subst =, ,$(each)))))
$(if $(UNKNOWN),$(error there is no variable $(firstword $(UNKNOWN)): allowed are $(VARIABLES)))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help up preview refresh down history rollback migrate test check coverage format bench cli docs reference clean

help: ## list the targets
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18
	@echo "  STACK=<name>    the stack to operate (default: dev)"
	@echo "  YES=1           make up: install what this machine lacks without a question; rollback: do not ask; migrate: do it"
	@echo "  REVISION=<n>    history: show all changes of this revision; rollback: bring it back"
	@echo "  SERVICE=<name>  history, rollback: this service of the stack"
	@echo "  BACK=1          migrate: the way back"
	@echo "  ALLOW_UNCHECKED=1  make preview: no error where a host does not answer"
	@echo "  DEBUG=1         up, preview, refresh, down, history, rollback: show what Pulumi and its plugins say, as it is"

up: .venv/.run ## make the stack what its settings say, after repairing what a killed run left
	@$(PY) -m checkout up --stack $(STACK) $(if $(YES),--yes) $(DEBUG_OPTION)

preview: .venv/.run ## show what `make up` would change
	@$(PY) -m checkout preview --stack $(STACK) $(if $(ALLOW_UNCHECKED),--allow-unchecked) $(DEBUG_OPTION)

refresh: .venv/.run ## read into the state what became of all that the stack has made
	@$(PY) -m checkout refresh --stack $(STACK) $(DEBUG_OPTION)

down: .venv/.run ## remove everything the stack has made; its settings stay
	@$(PY) -m checkout down --stack $(STACK) $(DEBUG_OPTION)

history: .venv/.run ## show the revisions of the services of a stack
	@$(PY) -m components.operate history $(REVISION) --stack $(STACK) $(SERVICE_OPTION) $(DEBUG_OPTION)

rollback: .venv/.run ## bring a revision of a service back, after a preview and a question
	@$(PY) -m components.operate rollback $(REVISION) --stack $(STACK) $(SERVICE_OPTION) $(if $(YES),--yes) $(DEBUG_OPTION)

migrate: .venv/.run ## show how replicas are kept when `update` is added to a backend; YES=1 does it
	@$(PY) -m components.migrate --stack $(STACK) $(if $(BACK),--back) $(if $(YES),--yes) $(DEBUG_OPTION)

test: .venv/.dev ## run all tests, or TESTS=<paths>; what cannot run here is skipped, with the reason
	@PATH="$$PATH:$(CLI)" $(PY) -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder $(TESTS)

check: .venv/.dev ## lint, formatting, types, unused code, imports between rooms, and the style of prose
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy components checkout docs tests
	@$(PY) -m mypy __main__.py
	@$(PY) -m mypy plugin/__main__.py
	@MYPYPATH=policy $(PY) -m mypy policy/__main__.py
	@grep -ohE '[a-z_]+(\.[A-Za-z_0-9]+)+' templates/*/*.j2 >.venv/used_in_templates.py
	@$(PY) -m vulture components checkout docs plugin policy tests __main__.py .venv/used_in_templates.py
	@.venv/bin/lint-imports --no-logo
	@$(PY) -m docs.style

coverage: .venv/.dev ## measure how much of the code the fast tests reach; less than the floor is an error
	@$(PY) -m pytest --quiet --numprocesses 3 -m "not engine and not pulumi and not pulumi_cli" --cov --cov-report=term:skip-covered

format: .venv/.dev ## format the code and fix what the linter can
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

bench: .venv/.dev ## measure against the limits that we keep, and against rivals
	@$(PY) -m tests.bench.figures

cli: $(CLI)/pulumi ## build the pulumi command from Go modules, for tests on a machine without it (5 minutes)

$(CLI)/pulumi: tests/support/cli/go.mod tests/support/cli/go.sum
	@cd tests/support/cli && go build -o $@ -ldflags "-s -w -X $(CLI_VERSION_OF)=$(CLI_VERSION:v%=%)" \
		github.com/pulumi/pulumi/pkg/v3/cmd/pulumi

docs: reference ## build the pages of docs/ as a site, in docs/_build
	@$(PY) -m sphinx -W --keep-going -q -b html docs docs/_build
	@echo docs/_build/index.html

reference: .venv/.dev ## write docs/reference anew, from docstrings and models
	@$(PY) -m docs.generator

clean: ## remove the virtual environment, caches and the site
	@rm -rf .venv docs/_build .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .coverage

# Pulumi asks pip for its version and its packages at every command; this one answers in half the time of Python 3.11's own.
PIP := pip==26.3

# The stamps say which packages .venv has; a changed list of them is installed again.
.venv/.run: requirements.txt Makefile | $(PY)
	@$(call install,requirements.txt)

.venv/.dev: requirements-dev.txt requirements.txt policy/requirements.txt Makefile | $(PY)
	@$(call install,requirements-dev.txt)

define install
$(PY) -m pip install --quiet --disable-pip-version-check -r $(1) $(PIP) >.venv/pip.log 2>&1 || { \
	echo "error: cannot install the packages of $(1) ($$(tail -1 .venv/pip.log)); the whole log is .venv/pip.log: is there a way to a package index?" >&2; \
	exit 1; }
@touch $@
endef

$(PY):
	@command -v $(PYTHON) >/dev/null || { \
		echo "error: there is no $(PYTHON): install Python 3.11 or later; $(VENV_REMEDY)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: $$($(PYTHON) --version) is too old: Python 3.11 or later is needed; make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "error: $$($(PYTHON) --version) lacks its module venv: $(VENV_REMEDY)" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "error: $$($(PYTHON) --version) cannot make a virtual environment: $(VENV_REMEDY)" >&2; exit 1; }
