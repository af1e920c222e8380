# make demo   the playground: the real bot between a pretend Slack and a pretend CarrierX, no accounts
# make test   every check on this machine, installed as needed
# make soak   the fault suite for hours (SOAK_MINUTES=60)
# make bench  the figures of docs/performance.md
# make lock   write requirements*.txt anew from pyproject.toml

.DEFAULT_GOAL := demo
.PHONY: demo test style types imports tests browser faults soak bench lock

BIN := .venv/bin
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
SOAK_MINUTES ?= 60

define venv
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or later is missing. On Debian and Ubuntu: sudo apt-get install python3"; exit 1; fi
	@[ -x $(BIN)/pip ] || $(PYTHON) -m venv --clear .venv || { rm -rf .venv; \
		echo "Python's venv module is missing. On Debian and Ubuntu: sudo apt-get install python3-venv"; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $(1)
	@touch $@
endef

# A stamp for each lock file: what is installed already is not looked at again.
.venv/.demo: requirements-demo.txt
	$(call venv,requirements-demo.txt)

.venv/.dev: requirements-dev.txt
	$(call venv,requirements-dev.txt)

demo: .venv/.demo
	@$(BIN)/python -m playground

test: style types imports tests browser faults
	@echo "All checks passed: style, types, imports, tests (SQLite and PostgreSQL), browser, faults."

style: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev
	$(BIN)/mypy

imports: .venv/.dev
	$(BIN)/lint-imports --no-logo

# More workers than cores: most of a scenario is waiting.
tests: .venv/.dev
	$(BIN)/python -m pytest -n 4 -m "not browser and not faults"

browser: .venv/.dev
	@.ci/chromium
	$(BIN)/python -m pytest -n 2 -m browser

faults: .venv/.dev
	$(BIN)/python -m pytest -n 2 -m faults

soak: .venv/.dev
	SOAK_MINUTES=$(SOAK_MINUTES) $(BIN)/python -m pytest -m faults -s

bench: .venv/.dev
	$(BIN)/python -m benchmarks

lock: .venv/.dev
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade pyproject.toml --extra playground -c requirements.txt -o requirements-demo.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade pyproject.toml --extra playground --group dev -c requirements.txt -o requirements-dev.txt
