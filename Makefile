# The whole developer interface. Needs make and a Python 3.11, 3.12 or 3.13; everything else is installed into $(VENV).
#   make run    serves on http://127.0.0.1:8000      make test   all tests, on SQLite and on PostgreSQL
#   make demo   fills it with something to look at   make check  everything that is judged without running it
#   make fix    what a machine can mend              make setup  the tools, without running anything
#   make bench  what it takes and delivers beside a bare prototype (needs wrk and nginx: apt-get install wrk nginx-light)
#   make chaos  kills, freezes and fills everything, and prints what came of it (root: it mounts a small disk)
#   make crowds many who watch, a zoo of receivers, 10,000 connections, and prints what came of it
# Another Python or place: make PYTHON=/opt/python/bin/python3.12 VENV=.venv-3.12 ...
PARTS := test-sqlite test-sqlite-processes test-pages test-postgres test-postgres-processes
.PHONY: setup run demo test $(PARTS) test-sqlite-uncounted check fix bench chaos crowds requirements
.DEFAULT_GOAL := setup
MAKEFLAGS += --no-print-directory

VENV ?= .venv
# A name in PATH proves nothing (a version manager's shim may refuse to run): the first that runs and can make an environment.
RUNS := import sys, ensurepip, sqlite3, ssl, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= python3.13 python3.12 python3.11 python3
BIN := $(VENV)/bin
BASE := $(VENV)/.base.stamp
DEV := $(VENV)/.dev.stamp
# No dependencies but those named: the lists are whole, and pip older than 23.3 meets a newer release of what another package wants with an
# extra (twisted[tls]) with a refusal instead of the version that is named.
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes
# Set but empty, so that a .env file does not fill them in.
EMBEDDED := DATABASE_URL= REDIS_URL=
NOT := not browser and not bench and not chaos
DOCUMENT := $(BIN)/python manage.py spectacular --validate --fail-on-warn --file
PYTEST := $(BIN)/pytest $(ARGS)
SERVICES := $(BIN)/python -m tests.services --fast --

setup: $(DEV)

run: $(BASE)
	@$(BIN)/python manage.py migrate --verbosity 0
	@exec $(BIN)/python manage.py serve

demo: $(BASE)
	@exec $(BIN)/python manage.py demo

# Each part is run, whatever came of those before it. The first one reaches over 90 % of the lines; counting makes it a third longer, so the
# others count none.
test:
	@$(MAKE) --keep-going $(PARTS)

FAST := -n 2 -m "$(NOT) and not postgres and not integration"
test-sqlite: $(DEV)
	@echo "== SQLite, in-memory channel layer"; $(BIN)/coverage erase; \
	$(EMBEDDED) $(BIN)/coverage run -m pytest $(ARGS) $(FAST); came=$$?; \
	$(BIN)/coverage combine --quiet && $(BIN)/coverage report && exit $$came

# The same, with no line counted.
test-sqlite-uncounted: $(DEV)
	@echo "== SQLite, in-memory channel layer"; $(EMBEDDED) $(PYTEST) $(FAST)

# These wait more than they work.
test-sqlite-processes: $(DEV)
	@echo "== SQLite, the process that people start"; $(EMBEDDED) $(PYTEST) -n 3 -m "$(NOT) and not postgres and integration"

test-pages: $(DEV)
	@echo "== The pages, in Chromium"; $(EMBEDDED) $(PYTEST) -m browser tests/browser

test-postgres: $(DEV)
	@echo "== PostgreSQL, Valkey"; \
	$(SERVICES) $(PYTEST) --ignore=tests/unit --ignore=tests/meta -n 2 -m "$(NOT) and not embedded and not integration"

test-postgres-processes: $(DEV)
	@echo "== PostgreSQL, Valkey, web and workers"; $(SERVICES) $(PYTEST) -n 3 -m "$(NOT) and not embedded and integration"

# What was measured stands at the end of each part, and in docs/chaos.md. Each part is run, whatever came of those before it.
# Alone on the machine: here times are judged, but in the first part.
CHAOS := $(BIN)/pytest $(ARGS) -p no:randomly --disable-warnings
SERVED := $(BIN)/python -m tests.services --
chaos: $(DEV)
	@$(BIN)/python -m tests.integration.figures docs/chaos.md "make chaos"; export CHAOS_TABLE=docs/chaos.md; failed=0; \
	echo "== Random steps, on both databases at once"; \
	$(EMBEDDED) $(CHAOS) -m "chaos and not postgres" tests/apps & embedded=$$!; \
	$(SERVED) $(CHAOS) -m "chaos and not embedded" tests/apps || failed=1; \
	wait $$embedded || failed=1; \
	echo "== SQLite, one process"; \
	$(EMBEDDED) $(CHAOS) -m "chaos and not crowd and not postgres" tests/integration || failed=1; \
	echo "== PostgreSQL, Valkey, several processes"; \
	$(SERVED) $(CHAOS) -m "chaos and not crowd and not embedded" tests/integration || failed=1; \
	exit $$failed

# The same of many who watch, of hostile receivers and callers, and of tables that have grown; into docs/crowds.md.
crowds: $(DEV)
	@$(BIN)/python -m tests.integration.figures docs/crowds.md "make crowds"; export CHAOS_TABLE=docs/crowds.md; failed=0; \
	$(EMBEDDED) $(CHAOS) -m "chaos and crowd and not postgres" tests/integration || failed=1; \
	$(SERVED) $(CHAOS) -m "chaos and crowd and not embedded" tests/integration || failed=1; \
	exit $$failed

bench: $(DEV)
	@$(BIN)/python -m tests.benchmarks.rates $(ARGS)

check: $(DEV)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/djangofmt --check templates
	$(BIN)/djangofmt check templates
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(EMBEDDED) $(DOCUMENT) var/openapi.yaml
	@diff -u docs/openapi.yaml var/openapi.yaml || { echo "docs/openapi.yaml is not what the code says: make fix" >&2; exit 1; }
	$(BIN)/pytest tests/meta
	@$(BIN)/python -m tests.services --fast -- $(BIN)/python -m tests.meta.migrations
	$(EMBEDDED) $(BIN)/python manage.py makemigrations --check --dry-run
	$(EMBEDDED) PUBLIC_URL=https://datapusher.example $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(EMBEDDED) $(BIN)/python manage.py collectstatic --dry-run --noinput --verbosity 0

fix: $(DEV)
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format
	$(BIN)/djangofmt templates
	$(BIN)/djangofmt check --fix templates
	$(BIN)/djangofmt templates
	$(EMBEDDED) $(DOCUMENT) docs/openapi.yaml

# Needs uv; only who changes the dependencies does.
EXPORT := uv export --quiet --frozen --no-emit-project --format requirements-txt --no-header
requirements:
	uv lock
	$(EXPORT) --no-dev -o requirements/base.txt
	$(EXPORT) --no-dev --extra uvloop --extra otel -o requirements/prod.txt
	$(EXPORT) --extra uvloop --extra otel -o requirements/dev.txt

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
