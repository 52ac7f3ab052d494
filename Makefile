# The two commands of a newcomer are `make run` and `make test`; both call `make setup` when it is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY_STAMP := $(VENV)/.installed
NODE_STAMP := web/node_modules/.installed
WEB_STAMP := web/dist/.built
WEB_SOURCES := $(shell find web -type f \( -name '*.ts' -o -name '*.vue' -o -name '*.html' -o -name '*.css' -o -name '*.json' \) \
	-not -path 'web/node_modules/*' -not -path 'web/dist/*' 2>/dev/null)

.PHONY: setup native run test test-fast bench bench-prefecture bench-evidence fuzz sanitize lint format web test-tools clean

setup: $(PY_STAMP) $(WEB_STAMP)

NATIVE := $(wildcard broadcaster/forward/_*.[ch]) broadcaster/forward/_native_build.py

$(PY_STAMP): pyproject.toml config/lock/dev.txt $(NATIVE)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; found $$($(PYTHON) --version). Install python3.11 or set PYTHON=/path/to/python."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "The venv module is missing: apt-get install python3-venv"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r config/lock/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

$(NODE_STAMP): web/package.json web/package-lock.json
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null || \
	  { echo "Node.js 20.19 or newer is needed to build the pages: see https://nodejs.org, or apt-get install nodejs npm where that is new enough."; exit 1; }
	cd web && npm ci --no-audit --no-fund
	@touch $@

$(WEB_STAMP): $(NODE_STAMP) $(WEB_SOURCES)
	cd web && npm run build
	@touch $@

web: $(WEB_STAMP)

run: setup
	$(BIN)/jiangtang serve --demo

test-tools:
	sh tests/tools.sh

# The native twin of the fan-out, where it could not be built before: without a compiler `setup` leaves it out.
native: $(PY_STAMP)
	@$(BIN)/python -c 'import broadcaster.forward._native' 2>/dev/null || \
	  $(BIN)/python -m pip install --quiet --no-deps --editable .

test: setup test-tools
	@$(MAKE) --no-print-directory native
	sh tests/run.sh

test-fast: $(PY_STAMP)
	$(BIN)/python -m pytest -m "not browser and not server and not quiet and not bench" -n auto --dist loadfile

# Each fuzz target for FUZZ_SECONDS, two minutes unless told; what it finds it keeps in tests/fuzz/native/corpus.
fuzz: $(PY_STAMP) test-tools
	FUZZ_SECONDS=$${FUZZ_SECONDS:-120} $(BIN)/python -m pytest -q -s tests/fuzz/test_fuzz_native.py

sanitize: $(PY_STAMP) test-tools
	$(BIN)/python -m pytest -q -s tests/broadcaster/test_native_sanitized.py

# All of it takes ten minutes and wants a quiet machine; BENCH=--quick takes two.
bench: setup
	$(BIN)/python -m tests.bench $(BENCH)

# The files and the lists of a whole prefecture.
bench-prefecture: setup
	$(BIN)/python -m tests.bench.prefecture

# A lecture of a whole prefecture: its board while it runs, its tables at the end. Four minutes.
bench-evidence: setup
	$(BIN)/python -m tests.bench.evidence

lint: $(PY_STAMP) $(NODE_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd web && npm run lint

format: $(PY_STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf broadcaster/forward/_native*.so $(VENV) web/node_modules web/dist build *.egg-info .pytest_cache .mypy_cache .ruff_cache
