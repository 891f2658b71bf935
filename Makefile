# Every target sets up what it needs: Python 3.11 to 3.13 and make are enough to begin with.
# Another interpreter: make PYTHON=/path/to/python3.12 setup

CANDIDATES := $(or $(PYTHON),python3 python3.13 python3.12 python3.11)
BIN := .venv/bin
NEWEST := .venv-newest
UV := $(BIN)/uv
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

# Without bytecode every process pays about 2 s to import Dagster again.
unexport PYTHONDONTWRITEBYTECODE
# A caller's own environment or package folder must not leak into ours, nor into the lock.
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH PIP_FIND_LINKS UV_FIND_LINKS UV_PYTHON UV_PROJECT_ENVIRONMENT
# Companies and test networks often trust a certificate authority of their own; uv alone would not see it.
export UV_SYSTEM_CERTS ?= true

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test test-slow test-all test-newest soak lint figures bench bench-peers lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

setup: .venv/.stamp ## Make .venv with what requirements.lock pins

demo: .venv/.stamp ## Run a fortnight of sample files: what is published, what is not, and why
	@$(BIN)/settlement demo

dev: .venv/.stamp ## Start Dagster's web UI and daemon
	@$(BIN)/python -m settlement_platform.cli.run.dev

# One Dagster run commits some 240 times and waits for the disk each time; a folder in memory spares that.
MEMORY := $(shell test -w /dev/shm && df -Pk /dev/shm | awk 'NR == 2 && $$4 > 6000000 { print "/dev/shm" }')
# Some of their time tests wait for processes: three workers keep two cores busy. conftest.py puts long files first.
PYTEST := $(if $(MEMORY),TMPDIR=$(MEMORY) )$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

test: .venv/.stamp ## Run the tests, except the slow scenarios
	@$(PYTEST) -m "not slow"

test-slow: .venv/.stamp ## Run the slow scenarios alone
	@$(PYTEST) -m slow

test-all: .venv/.stamp ## Run every test
	@$(PYTEST)

# Each of Dagster's libraries pins one release of it. Our own ranges replace these pins here: otherwise the newest
# Dagster could be tried only when the last of its libraries has followed.
test-newest: $(UV) ## Test with the newest Dagster and DuckDB that pyproject.toml admits
	@echo "test-newest: installing into $(NEWEST)"
	@$(UV) venv --quiet --clear --python $(BIN)/python $(NEWEST)
	@grep -oE '"(dagster|duckdb)[a-z-]*[<>=][^"]*"' pyproject.toml | tr -d '"' > $(NEWEST)/ranges.txt
	@sed -n 's/^dagster\([<>=]\)/dagster-shared\1/p' $(NEWEST)/ranges.txt > $(NEWEST)/shared.txt
	@$(UV) pip install --quiet --python $(NEWEST)/bin/python --compile-bytecode --editable '.[dev]' \
	    --override $(NEWEST)/ranges.txt --override $(NEWEST)/shared.txt
	@$(UV) pip freeze --quiet --python $(NEWEST)/bin/python | grep -E '^(dagster|duckdb)'
	@$(NEWEST)/bin/python -m pytest -n 3 --dist loadfile -m "not slow" $(addprefix settlement_platform_tests/, \
	    orchestration storage test_definitions.py)

KILLS ?= 200
SEED ?= 1

soak: .venv/.stamp ## Kill work KILLS times at random moments under SEED, check all after each, and resume where it stood
	@$(if $(MEMORY),TMPDIR=$(MEMORY) )$(BIN)/python -m settlement_platform_tests.soak.run --kills $(KILLS) --seed $(SEED)

lint: .venv/.stamp ## Check style, types and layers
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

figures: .venv/.stamp ## Print the figures of the house: lengths, folders, circles, names, docstrings
	@$(BIN)/python -m settlement_platform_tests.house_figures

bench: .venv/.stamp ## Run the benchmarks
	@$(BIN)/python -m benchmarks.run

bench-peers: .venv/.stamp ## The same work here, in a script and in other orchestrators; OPTIONS=--quick for a look
	@$(BIN)/python -m benchmarks.peers.run $(OPTIONS)

lock: $(UV) ## Resolve pyproject.toml into requirements.lock again; UPGRADE=--upgrade takes the newest
	@echo "lock: resolving pyproject.toml"
	@cp requirements.lock .venv/new.lock
	@$(UV) pip compile --quiet --universal --python-version 3.11 --extra dev --generate-hashes \
	    --no-strip-extras --no-emit-index-url --no-header $(UPGRADE) --output-file .venv/new.lock pyproject.toml
	@{ grep '^# lock:' requirements.lock; grep -v '^# lock:' .venv/new.lock; } > .venv/whole.lock
	@mv .venv/whole.lock requirements.lock

clean: ## Remove .venv and caches; data/ stays
	rm -rf .venv $(NEWEST) .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.stamp: requirements.lock pyproject.toml | $(UV)
	@echo "setup: installing what requirements.lock pins"
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	@echo "setup: installing settlement-platform from this folder, editable"
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "setup: done"

$(UV):
	@for python in $(CANDIDATES); do \
	    if "$$python" -c '$(SUPPORTED)' 2>/dev/null; then found="$$python"; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "setup: needs Python 3.11, 3.12 or 3.13; found none under these names: $(CANDIDATES)" >&2; \
	    echo "setup: install one, or name one: make PYTHON=/path/to/python3.12 setup" >&2; \
	    exit 1; \
	fi; \
	echo "setup: making .venv with $$("$$found" -V)"; \
	"$$found" -m venv --clear .venv || { \
	    echo "setup: $$found could not make .venv; on Debian and Ubuntu, install python3-venv" >&2; \
	    exit 1; \
	}
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r .venv/uv.txt
