SHELL := /bin/bash
BIN := .venv/bin
CARGO := scripts/with-cache cargo

.DEFAULT_GOAL := help
.PHONY: help bootstrap trainer deps build demo train-demo serve check test test-all test-cgroup2 lint fmt bench bench-report bench-train soak fuzz wheel
.PHONY: client-wheel clean lint-deps

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

bootstrap: ## .venv with everything but the trainer's packages; seconds when nothing changed
	@scripts/bootstrap

trainer: ## the same with the trainer's packages: torch and vLLM, 6 GB
	@scripts/bootstrap trainer

# What follows installs no system packages.
deps:
	@scripts/bootstrap deps

lint-deps:
	@scripts/bootstrap lint

build: ## the native module, in release mode, into this checkout
	@scripts/bootstrap build

demo: bootstrap ## start the daemon, score the bundled sample, show a table, stop it
	@$(BIN)/assay demo $(ARGS)

train-demo: trainer ## a tiny model learns two tasks by rewards, one of them in the sandbox: table and picture
	@$(BIN)/python -m trainer demo $(ARGS)

serve: bootstrap ## keep a daemon running: make serve ARGS="--slots 4"
	@$(BIN)/assay serve $(ARGS)

check: lint ## the inner loop: lint and the unit tests, without root
	$(CARGO) test --workspace --quiet
	$(BIN)/python -m pytest tests/unit --numprocesses auto $(ARGS)

# Those of the sandbox and of the server share the machine with nobody, because they measure. vLLM takes a process over: its
# threads, its environment, its memory. So the trainer's tests have one of their own.
PYTEST_UNIT = $(if $(ARGS),,$(BIN)/python -m pytest $(1) tests/unit --numprocesses auto)
PYTEST = $(BIN)/python -m pytest $(1) $(or $(ARGS),--ignore=tests/unit --ignore=tests/trainer)
PYTEST_TRAINER = $(if $(ARGS),,$(BIN)/python -m pytest $(1) tests/trainer)

test: trainer ## cargo test and pytest, in minutes (tests of the sandbox need root)
	$(CARGO) test --workspace --quiet
	$(call PYTEST_UNIT)
	$(call PYTEST)
	$(call PYTEST_TRAINER)

test-all: trainer ## the same and the thorough tests: both runtimes, everything renewed, many runs
	$(CARGO) test --workspace --quiet
	$(call PYTEST_UNIT,-m "not soak")
	$(call PYTEST,-m "not soak")
	$(call PYTEST_TRAINER,-m "not soak")

# Only the files with marked tests: to import the others would take the guest minutes.
CGROUP2_TESTS = -m "cgroup2 and not soak" $(shell grep --recursive --files-with-matches --include='*.py' mark.cgroup2 tests)
test-cgroup2: bootstrap ## marked tests under a cgroup v2 kernel in qemu: make test-cgroup2 ARGS="tests/kernel -k death"
	@scripts/cgroup2-lane $(BIN)/python -m pytest -p no:cacheprovider --timeout=1500 --durations=12 $(or $(ARGS),$(CGROUP2_TESTS))

lint: lint-deps ## everything that is checked without being run
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m mypy.stubtest engine._native
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --site-dir target/site
	$(CARGO) fmt --all --check
	$(CARGO) clippy --quiet --workspace --all-targets -- -D warnings

fmt: lint-deps ## put the sources into their one format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(CARGO) fmt --all

bench: trainer ## every benchmark; figures are only worth what was measured beside them
	$(BIN)/python -m pytest benches --benchmark-only --timeout=900 $(ARGS)

bench-report: bootstrap ## Assay beside its peers, written to benches/containers.md, .json and .png
	$(BIN)/assay bench containers --markdown benches/containers.md --json benches/containers.json \
		--png benches/containers.png $(ARGS)

bench-train: trainer ## the trainer beside TRL's, written to benches/trainer.md, .json and .png; 30 minutes
	$(BIN)/python -m benches.trainer --markdown benches/trainer.md --json benches/trainer.json \
		--png benches/trainer.png $(ARGS)

soak: trainer ## the tests that take many minutes; without ARGS those of the cgroup v2 lane too
	$(BIN)/python -m pytest -m soak --timeout=7200 $(ARGS)
	$(if $(ARGS),,LANE_SECONDS=14400 scripts/cgroup2-lane $(BIN)/python -m pytest -p no:cacheprovider \
		-m "cgroup2 and soak" --timeout=14400 tests/kernel/test_cgroup2.py)

fuzz: bootstrap ## cargo-fuzz on messages and on maths answers, each target for SECONDS=30
	@scripts/fuzz $(or $(SECONDS),30)

wheel: bootstrap ## wheel and sdist into dist/, the wheel tried in a clean environment
	rm -rf dist
	scripts/with-cache maturin build --quiet --release --interpreter $(BIN)/python --out dist
	scripts/with-cache maturin sdist --out dist
	scripts/check-wheel dist/*.whl

client-wheel: deps ## the wheel of the clients alone into dist/, pure Python for every system
	scripts/client-wheel/build dist

clean: ## remove what was built here; the build directory shared by all checkouts stays
	rm -rf .venv dist target engine/*.so .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks
	find assay engine rewards trainer tests benches -name __pycache__ -prune -exec rm -rf {} +
