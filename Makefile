# Set-up, tests and the main job. `make help` lists the targets.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test test-four-bits test-all lint format type bench embedded-report method-report study cards data wheel clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,genome]'
	@touch $@

install: $(STAMP) ## Make the virtual environment .venv from constraints.txt

demo: $(STAMP) ## The main job on packaged yeast promoters, beside two baselines (minutes)
	$(BIN)/python -m dnaft.train --multirun task=yeast_tata method=baseline_kmer,baseline_onehot,adalora_rs

test: $(STAMP) ## The default test suite, offline (minutes)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

# Not into .venv: peft imports bitsandbytes wherever it finds it, two seconds of each command.
BITSANDBYTES := $(VENV)/four_bits
$(BITSANDBYTES): $(STAMP)
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps --upgrade --target $@ bitsandbytes
	@touch $@

test-four-bits: $(BITSANDBYTES) ## Tests of method=qlora; installs bitsandbytes beside the environment
	PYTHONPATH=$(BITSANDBYTES)$${PYTHONPATH:+:$$PYTHONPATH} OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/end_to_end/test_quantised.py

test-all: test-four-bits ## Every test, also the slow ones; installs Ray and MiniLM
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[ray,minilm]'
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m "not gpu"

lint: $(STAMP) ## Style, layers of imports
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports

format: $(STAMP) ## Format the code
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

type: $(STAMP) ## Types, strict
	$(BIN)/mypy && $(BIN)/mypy benchmarks

bench: $(STAMP) ## docs/benchmarks.md: ratios of runs in turn (hours; goes on where it stopped; JOBS=2: two at a time)
	$(BIN)/python benchmarks/bench.py --jobs $(or $(JOBS),1)

embedded-report: $(STAMP) ## docs/embedded.md: what pretraining gives, 264 runs (hours; goes on where it stopped)
	$(BIN)/python benchmarks/embedded.py

method-report: $(STAMP) ## docs/method_results.md: methods side by side, 537 runs (hours; goes on); DATA=folder of GUE
	$(BIN)/python benchmarks/methods.py --data-dir $(or $(DATA),../shared/data)

STUDY := $(BIN)/python -m dnaft.train sweep=study hydra/launcher=joblib data_dir=$(or $(DATA),../shared/data) output_dir=outputs/study
study: $(STAMP) ## docs/study.md and study.html: methods, tasks, seeds, 321 runs (hours; goes on); DATA=folder of GUE
	-$(STUDY) method=baseline_kmer,baseline_onehot seed=1 eval.choose_after=0
	-$(STUDY)
	-$(STUDY) method=lora,adalora,adalora_rs seed=4,5
	-$(STUDY)_rates task=prom_tata,tf_2,yeast_strand method=lora,adalora,adalora_rs seed=1 method.optimizer.lr=0.001,0.003,0.01,0.03,0.1
	$(BIN)/python -m dnaft.report runs=outputs/study out=outputs/study_report
	cp outputs/study_report/report.html docs/study.html
	$(BIN)/python benchmarks/study_page.py outputs/study outputs/study_rates

cards: $(STAMP) ## docs/packaged_models.md from the cards beside the packaged weights
	$(BIN)/python benchmarks/model_cards.py

data: $(STAMP) ## Rebuild the packaged data and compare it byte for byte
	$(BIN)/python -m dnaft.data.yeast --check && $(BIN)/python -m dnaft.data.train_bbpe --check && $(BIN)/python -m dnaft.pretraining.vocabulary --packaged --check

wheel: $(STAMP) ## Build the wheel into dist/
	$(BIN)/python -m build --wheel

clean: ## Remove what was built, not what was trained
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
