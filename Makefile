# Everything that people and CI run. `make help` lists it.

# The first of these that is new enough makes the virtual environment.
PYTHONS := python3.11 python3.12 python3.13 python3
ENOUGH := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
BIN := .venv/bin
STAMP := .venv/.installed
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# uv takes seconds, and pip a minute. pip is used where an index is set for pip alone.
install = $(BIN)/uv pip install --quiet --python $(BIN)/python $(1) || $(PIP_INSTALL) $(1)
SITE := build/site/index.html
# Quix Streams pins an older confluent-kafka than the one that flrouter is measured with.
QUIX := .venv/quix
# How much longer tests wait than on a quiet machine; measured now, unless it is set.
PATIENT = FLROUTER_TEST_PATIENCE=$${FLROUTER_TEST_PATIENCE:-$$($(BIN)/python -m tests.support.patience)}
# The same pins for every Python that flrouter runs on, and for Linux and macOS.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" $(ARGS)

# Tests start hundreds of processes, which share the modules that one of them compiled.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test coverage test-busy test-kafka kafka chaos load fuzz simulate programs screenshots bench bench-scale bench-profile bench-dashboard quick lint format lock settings docs test-docs dist check-deploy clean

help: ## lists the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
	  printf '  make %-15s %s\n' "$$name" "$$text"; done

setup: $(STAMP) ## makes a virtual environment in .venv with the tools of most targets

$(STAMP): pyproject.toml requirements/dev.txt
	@test -x $(BIN)/pip || { \
	  for python in $(PYTHONS); do \
	    if $$python -c '$(ENOUGH)' 2>/dev/null; then \
	      echo "making .venv with $$python"; $$python -m venv .venv; exit $$?; \
	    fi; \
	  done; \
	  echo "make: needs Python 3.11 or newer with its venv module, tried: $(PYTHONS)" >&2; exit 1; }
	@echo "installing flrouter and its tools into .venv"
	@sed -n '/^uv==/,/[^\\]$$/p' requirements/dev.txt > .venv/uv.txt
	@$(PIP_INSTALL) --require-hashes --no-deps --requirement .venv/uv.txt
	@$(call install,--require-hashes --requirement requirements/dev.txt)
	@$(call install,--no-deps --no-build-isolation --editable .)
	@touch $@

demo: $(STAMP) ## a router with three FLs in this terminal; ARGS="--seconds 30 --json out.json"
	@$(BIN)/flrouter demo $(ARGS)

test: $(STAMP) programs $(SITE) ## all tests; ARGS="-k switch"
	@$(PATIENT) $(BIN)/python -m pytest -n 6 --dist loadfile --no-loadscope-reorder $(ARGS)

coverage: $(STAMP) ## how much of core/ and messages/ their tests cover: at least 90 %
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -m covering tests/core tests/messages -n 2 --dist worksteal
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --skip-covered --fail-under=90

test-busy: $(STAMP) ## all tests, while two other processes keep two processors busy
	@trap 'kill $$others' EXIT INT TERM; \
	for processor in 1 2; do $(BIN)/python -c 'while True: pass' & others="$$others $$!"; done; \
	$(MAKE) test

test-kafka: $(STAMP) ## tests on Apache Kafka: tests/kafka on three brokers, tests/integration on one (needs Java and Maven)
	@$(PATIENT) $(BIN)/python -m pytest tests/kafka -n 2 --dist worksteal --durations 20 $(ARGS)
	@$(PATIENT) $(BIN)/python -m tests.kafka --brokers 1 -- $(BIN)/python -m pytest tests/integration -n 5 --dist worksteal --durations 20 $(ARGS)

kafka: $(STAMP) ## three brokers of Apache Kafka in this terminal; ARGS="--brokers 1"
	@$(BIN)/python -m tests.kafka $(ARGS)

chaos: $(STAMP) ## a router under a seeded schedule of faults; ARGS="--commands 200000 --seed 1 --json out.json"
	@$(BIN)/python -m tests.chaos $(ARGS)

fuzz: $(STAMP) ## hostile bytes for everything that reads Kafka or HTTP; ARGS="--seconds 600 --target shard --keep"
	@$(BIN)/python -m tests.fuzz $(ARGS)

bench: .venv/.installed-bench ## flrouter against its peers on Apache Kafka, under 15 minutes; ARGS="--quick"
	@$(BIN)/python -m benchmarks $(ARGS)

bench-scale: .venv/.installed-bench ## how the cost of a command grows with everything else, and how long a takeover takes
	@$(BIN)/python -m benchmarks --scale $(ARGS)

bench-profile: .venv/.installed-bench ## where a worker spends its time under load
	@$(BIN)/python -m benchmarks.profile $(ARGS)

bench-dashboard: .venv/.installed-bench ## what open dashboards cost a worker, with 64 FLs and 100,000 switches
	@$(BIN)/python -m benchmarks.dashboard $(ARGS)

dist: .venv/.installed-release ## builds wheel and sdist into dist/, checks them, and runs the demo from the wheel alone
	@$(BIN)/python -m tests.release $(ARGS)

check-deploy: .venv/.installed-deploy programs ## checks deploy/ without a container engine, and prints the name of each check
	@$(BIN)/python -m tests.deploy

# Packages for some targets only: the group of that name in pyproject.toml.
.venv/.installed-%: requirements/%.txt $(STAMP)
	@echo "installing what '$*' needs into .venv"
	@$(call install,--require-hashes --requirement $<)
	@touch $@

# Not pinned, because one of flrouter's peers needs an older library than flrouter.
.venv/.installed-bench: $(STAMP) pyproject.toml
	@echo "installing what 'bench' needs into .venv"
	@$(call install,--editable '.[bench]')
	@$(BIN)/python -m venv $(QUIX)
	@$(BIN)/uv pip install --quiet --python $(QUIX)/bin/python --editable '.[quix]' || $(QUIX)/bin/python -m pip install --quiet --editable '.[quix]'
	@touch $@

load: $(STAMP) ## outages of brokers, floods, slow and babbling FLs, on Apache Kafka; ARGS="-k flood"
	@$(BIN)/python -m pytest tests/load $(ARGS)

simulate: $(STAMP) ## a whole system in one process, from one seed; ARGS="--steps 10000000"
	@$(BIN)/python -m tests.simulation $(ARGS)

quick: $(STAMP) ## tests that need neither a broker nor a linter; ARGS="-k switch"
	@$(BIN)/python -m pytest -m 'not broker and not lint' $(ARGS)

lint: $(STAMP) ## style, types, dead code, spelling, prose, and the workflows of GitHub
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/vulture
	@$(BIN)/codespell
	@$(BIN)/python -m tests.prose
	@$(BIN)/actionlint

format: $(STAMP) ## formats the code
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

programs: $(STAMP) ## installs Open vSwitch, Chromium, curl, promtool and PostgreSQL for the tests, if apt-get may be used
	@$(BIN)/python -m tests.support.programs

lock: $(STAMP) ## pins in requirements/ what the targets install; ARGS="--upgrade" for newer versions
	@$(LOCK) --output-file requirements/dev.txt --group dev $(addprefix --extra ,embedded oidc openflow postgresql rocksdb tracing) pyproject.toml
	@for group in docs deploy release; do \
	  $(LOCK) --output-file requirements/$$group.txt --group $$group --constraint requirements/dev.txt || exit 1; done

screenshots: $(STAMP) programs ## makes the pictures of the dashboard in docs/images
	@$(BIN)/python -m tests.browser.screenshots

settings: $(STAMP) ## writes docs/settings.md from the descriptions of the settings
	@$(BIN)/python -m tests.docs.settings_page > docs/settings.md

docs: $(SITE) ## builds the documentation into build/site; fails for a warning or a dead link
	@echo "docs: $(SITE), no warning"

$(SITE): .venv/.installed-docs mkdocs.yml $(shell find docs website flrouter -name '*.md' -o -name '*.py')
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@touch $@

test-docs: $(STAMP) ## tests every code block of README and docs, and the AsyncAPI document
	@$(BIN)/python -m pytest tests/docs tests/integration/test_the_page_on_fls.py tests/core/test_message_kinds.py $(ARGS)

clean: ## removes the virtual environment and all caches
	@rm -rf .venv .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
