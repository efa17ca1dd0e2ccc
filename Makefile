# `make` alone lists the targets. Everything is bootstrapped from Python, git and make.

SHELL := /bin/bash
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
SEED ?= 20
TIMES ?= 50
RUN := $(UV) run --locked --no-sync

.PHONY: help environment reproduce reproduce-twice reproduce-elsewhere check test test-slow faults \
        fuzz audit lint types format sweep ui clean bench bench-data bench-train bench-serving \
        bench-pipeline bench-folds bench-backbones

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.uv/bin/uv:
	@echo "installing uv into .uv/"
	@$(PYTHON) -m venv .uv && .uv/bin/python -m pip install --quiet --disable-pip-version-check uv

environment: $(filter .uv/bin/uv,$(UV)) ## install what uv.lock says into .venv; extras stay
	@$(UV) sync --locked --inexact --quiet --compile-bytecode

reproduce: environment ## run the pipeline, print the comparison, and compare with the commit's
	@$(RUN) bakeoff check
	@$(RUN) bakeoff renew
	@$(RUN) dvc repro
	@$(RUN) bakeoff verify --short || true

check: ## run every check that a change must pass: lint, types, test, reproduce-twice
	@bash .ci/run

test: ## run the tests, among them one reduced reproduction
	@bash .ci/run test

test-slow: environment ## the long tests: every Keras class, simulations, real servers
	@$(RUN) pytest -m slow

reproduce-twice: ## reproduce at reduced size in two clean clones and compare their locks
	@bash .ci/run reproduce-twice

reproduce-elsewhere: environment ## tiny: shuffled folders, kills, threads, processor, another clone
	@$(RUN) python -m tests.reproduce_elsewhere

faults: environment ## kill, interrupt, starve and forbid every stage of a tiny pipeline (SEED=20)
	@$(RUN) python -m tests.faults.sweep --seed $(SEED)

fuzz: environment ## damaged input, TIMES=50 times as many cases as in the tests
	@BAKEOFF_FUZZ=$(TIMES) $(RUN) pytest --dist load tests/fuzz

audit: environment ## ask whether the locked dependencies have known vulnerabilities
	@$(RUN) python -m tests.audit $(UV)

lint: ## check style and formatting
	@bash .ci/run lint

types: ## check types
	@bash .ci/run types

format: environment ## fix style and formatting
	@$(RUN) ruff check --fix .
	@$(RUN) ruff format .

SWEEP_MODELS ?= efficientnetv2b0 vgg16
SWEEP_RATES ?= 0.0003,0.003,0.01

sweep: environment ## queue and run six DVC experiments: two backbones, three learning rates
	@$(RUN) bakeoff check
	@set -e; for model in $(SWEEP_MODELS); do \
	  $(RUN) dvc exp run --queue -S "models.$$model.train.learning_rate=$(SWEEP_RATES)"; done
	@$(RUN) dvc exp run --run-all
	@$(RUN) dvc exp show --only-changed --hide-workspace --md \
	  --drop '^(Created|State|Executor|models|.*log_loss|.*macro_f1)$$'

ui: environment ## browse the runs in MLflow on 127.0.0.1
	@$(RUN) bakeoff ui

bench: bench-pipeline bench-data bench-train bench-folds bench-serving ## all of these, after `make reproduce`

bench-pipeline: environment ## where a whole run's seconds go, and those of a rerun
	@$(RUN) python benchmarks/bench_pipeline.py

bench-data: environment ## time sorting, splitting and export beside the bare work
	@$(RUN) python benchmarks/bench_data.py

bench-train: environment ## time features, heads and fine-tuning beside plain Keras
	@$(RUN) python benchmarks/bench_train.py

bench-folds: environment ## time the folds' heads beside one fit
	@$(RUN) python benchmarks/bench_folds.py

bench-backbones: environment ## time each backbone's features of a picture
	@$(RUN) python benchmarks/bench_backbones.py

bench-serving: environment ## load the served model from eight clients
	@$(RUN) python benchmarks/bench_serving.py models/random_forest 1000 8

clean: ## remove what the pipeline wrote, but not DVC's cache nor the MLflow store
	@rm -rf data models reports
