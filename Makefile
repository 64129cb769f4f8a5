# The project's commands. `make` alone lists them; each sets up what it needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
# Handed to pytest by `make test`, for example ARGS="-k redis", and to the bench by `make bench`.
ARGS ?=

.PHONY: help setup demo check fix test bench wheel clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: ## install system packages (root) and the locked environment into .venv
	@.ci/packages runtime
	@.ci/environment

demo: setup ## audit this machine, with two servers started for it; the reports go to demo-out/
	@.venv/bin/portproof demo --out demo-out

check: setup ## lint, format, types and import contracts
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

fix: setup ## repair what ruff can repair, and format
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

# `loadfile`: a file's tests stay together, so that what they share (a server, a built wheel) is
# made once. `loadgroup` would say it more finely, but xdist 3.8 overlooks groups with pytest 9.2.
test: ## run the whole test suite in parallel (ARGS="-k redis" for a part of it)
	@.ci/packages runtime test
	@.ci/environment
	@.ci/peers
	@$(PYTHON) -m pytest -n auto --dist loadfile $(ARGS)

# ARGS="--only connect" for a part of it, ARGS="--rounds 9" for steadier medians.
bench: ## compare with nmap, masscan, zmap and C floors in one run; figures go to bench-out/
	@.ci/packages runtime test bench
	@.ci/environment
	@$(PYTHON) tests/bench/run.py $(ARGS)

wheel: setup ## build dist/: the wheel, its SBOM (CycloneDX) and the licences of what it depends on
	@rm -rf dist
	@$(PYTHON) -m build --wheel --no-isolation --outdir dist
	@$(PYTHON) .ci/dependencies.py sbom dist/sbom.cdx.json
	@$(PYTHON) .ci/dependencies.py texts dist/third-party-licences.txt
	@$(PYTHON) .ci/dependencies.py table dist/third-party-licences.md
	@ls -l dist

clean: ## remove everything that these commands made, .venv too
	rm -rf .venv .venv-peers dist build demo-out bench-out
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	find src tests -name __pycache__ -prune -exec rm -rf {} +
