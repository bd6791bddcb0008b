# The whole developer interface. Needs make and a Python 3.11, 3.12 or 3.13; everything else is installed into $(VENV).
#   make run    serves on http://127.0.0.1:8000      make test   all tests, on SQLite and on PostgreSQL
#   make demo   fills it with something to look at   make check  everything that is judged without running it
#   make fix    what a machine can mend              make setup  the tools, without running anything
# Another Python or place: make PYTHON=/opt/python/bin/python3.12 VENV=.venv-3.12 ...
.PHONY: setup run demo test check fix requirements
.DEFAULT_GOAL := setup
MAKEFLAGS += --no-print-directory

VENV ?= .venv
# A name in PATH proves nothing (a version manager's shim may refuse to run): the first that runs and can make an environment.
RUNS := import sys, ensurepip, sqlite3, ssl, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= python3.13 python3.12 python3.11 python3
BIN := $(VENV)/bin
BASE := $(VENV)/.base.stamp
DEV := $(VENV)/.dev.stamp
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes
# Set but empty, so that a .env file does not fill them in.
EMBEDDED := DATABASE_URL= REDIS_URL=
NOT := not browser and not bench and not chaos
PYTEST := $(BIN)/coverage run -m pytest $(ARGS)

setup: $(DEV)

run: $(BASE)
	@$(BIN)/python manage.py migrate --verbosity 0
	@exec $(BIN)/python manage.py serve

demo: $(BASE)
	@exec $(BIN)/python manage.py demo

test: $(DEV)
	@$(BIN)/coverage erase
	@echo "== SQLite, in-memory channel layer"
	@$(EMBEDDED) $(PYTEST) -n 2 -m "$(NOT) and not postgres and not integration"
	@$(EMBEDDED) $(PYTEST) -m "$(NOT) and not postgres and integration"
	@echo "== PostgreSQL, Valkey"
	@$(BIN)/python -m tests.services --fast -- $(PYTEST) -n 2 -m "$(NOT) and not embedded and not integration"
	@$(BIN)/python -m tests.services --fast -- $(PYTEST) -m "$(NOT) and not embedded and integration"
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

check: $(DEV)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/djangofmt --check templates
	$(BIN)/djangofmt check templates
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/pytest tests/meta
	$(EMBEDDED) $(BIN)/python manage.py makemigrations --check --dry-run
	$(EMBEDDED) PUBLIC_URL=https://datapusher.example $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(EMBEDDED) $(BIN)/python manage.py collectstatic --dry-run --noinput --verbosity 0

fix: $(DEV)
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format
	$(BIN)/djangofmt templates
	$(BIN)/djangofmt check --fix templates
	$(BIN)/djangofmt templates

# Needs uv; only who changes the dependencies does.
EXPORT := uv export --quiet --frozen --no-emit-project --format requirements-txt --no-header
requirements:
	uv lock
	$(EXPORT) --no-dev -o requirements/base.txt
	$(EXPORT) --no-dev --extra uvloop -o requirements/prod.txt
	$(EXPORT) --extra uvloop -o requirements/dev.txt

$(BIN)/python:
	@for each in $(PYTHON); do \
	  if "$$each" -c '$(RUNS)' >/dev/null 2>&1; then exec "$$each" -m venv --clear "$(VENV)"; fi; \
	done; \
	echo "Python 3.11, 3.12 or 3.13 (with venv) is needed and none of these runs: $(PYTHON). Name one: make PYTHON=..." >&2; exit 1

$(BASE): requirements/base.txt | $(BIN)/python
	@echo "Installing what Data Pusher needs into $(VENV) (once) ..."
	@$(PIP) -r requirements/base.txt
	@touch $@

# dev.txt holds all of base.txt, of the same lock.
$(DEV): requirements/dev.txt requirements/base.txt | $(BIN)/python
	@echo "Installing what Data Pusher and its tools need into $(VENV) (once) ..."
	@$(PIP) -r requirements/dev.txt
	@touch $(BASE) $@
