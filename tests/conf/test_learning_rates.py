"""The learning rates of conf/method are those that the committed sweep chose by dev."""

import csv
import statistics
from collections import defaultdict
from pathlib import Path

import pytest

from composing import composed
from dnaft.config import config_dir

SWEEP = Path(__file__).resolve().parents[2] / "docs" / "method_results.csv"
TASKS = {"prom_tata", "tf_2", "yeast_strand"}
# What yeast_mini does not take was swept on yeast_mini_opt; four bits have no model as small.
ON_OPT = {"lingo", "prefix_tuning", "p_tuning_v2"}
NOT_SWEPT = {"qlora": "lora"}
UNRATED = ("peft", "layer_probe", "baseline_kmer", "baseline_onehot")
RATED = sorted(
    file.stem
    for file in Path(config_dir(), "method").glob("[!_]*.yaml")
    if file.stem not in UNRATED
)


def chosen(method: str) -> float:
    """Return the rate of the best dev MCC, mean of the sweep's tasks, seed 1."""
    model = "yeast_mini_opt" if method in ON_OPT else "yeast_mini"
    scores: dict[str, dict[str, float]] = defaultdict(dict)
    with SWEEP.open(newline="") as file:
        for row in csv.DictReader(file):
            wanted = (row["model"], row["method"], row["seed"], row["option"])
            if wanted == (model, method, "1", "") and row["task"] in TASKS:
                scores[row["lr"]][row["task"]] = float(row["dev_mcc"])
    whole = {rate: of_task for rate, of_task in scores.items() if of_task.keys() == TASKS}
    assert len(whole) >= 4
    return float(max(whole, key=lambda rate: statistics.mean(whole[rate].values())))


@pytest.mark.skipif(not SWEEP.is_file(), reason="the sweep is not in this installation")
@pytest.mark.parametrize("method", RATED)
def test_the_rate_of_small_models_is_that_of_the_sweep(method: str) -> None:
    model = "model=yeast_mini_opt" if method in ON_OPT else "model=yeast_mini"
    rate = composed(model, f"method={method}")["method"]["optimizer"]["lr"]
    assert rate == chosen(NOT_SWEPT.get(method, method))


@pytest.mark.parametrize("method", [m for m in RATED if m != "linear_probe"])
def test_wide_models_have_the_rate_of_the_literature(method: str) -> None:
    """What is good for a width of 128 ruins a large pretrained model."""
    for model in ("opt_125m", "caduceus_ps_131k") if method != "lingo" else ("opt_125m",):
        wide = composed(f"model={model}", f"method={method}")["method"]["optimizer"]["lr"]
        narrow = composed("model=yeast_mini_opt", f"method={method}")["method"]["optimizer"]["lr"]
        assert wide <= narrow
    if method in ("full", "partial"):
        assert wide == 3e-5
