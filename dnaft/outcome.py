"""After the fit: the chosen weights, what became of the ranks, the record."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning import Callback
from lightning.pytorch.callbacks import ModelCheckpoint

from dnaft import environment
from dnaft.callbacks.rank_plot import plot_ranks
from dnaft.callbacks.rank_sampler import RankSampler
from dnaft.dashboard.show import finish
from dnaft.finetuner import FineTuner
from dnaft.methods.triplets import find_triplets
from dnaft.models.backbone import Backbone
from dnaft.record import RunRecord
from dnaft.reporting import show_results
from dnaft.run_folder import RESULT


def restore_best(module: FineTuner, best: ModelCheckpoint, last_step: int) -> int:
    """Put the checkpoint that dev chose back into the module; return its optimiser step."""
    if not best.best_model_path:
        # No score after eval.choose_after, as of a run shorter than trainer.val_check_interval.
        return last_step
    checkpoint = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
    module.load_state_dict(checkpoint["state_dict"], strict=False)
    return int(checkpoint["global_step"])


def count_ranks(backbone: Backbone) -> dict[str, int]:
    """Return how many singular values of each matrix are not zero."""
    return {g.name: int(g.values.count_nonzero()) for g in find_triplets(backbone)}


def count_kept_parameters(backbone: Backbone) -> int:
    """Return how many numbers the triplets have whose value is not zero."""
    return sum(int(g.values.count_nonzero()) * g.cost for g in find_triplets(backbone))


def write_rank_history(callbacks: list[Callback], folder: Path) -> None:
    """Write each allocation to ranks.csv and draw the heat map ranks.png."""
    for sampler in callbacks:
        if isinstance(sampler, RankSampler):
            sampler.history.write_csv(folder / "ranks.csv")
            if sampler.history.rows:
                plot_ranks(sampler.history, folder / "ranks.png")


def make_record(
    config: dict[str, Any],
    choices: dict[str, str],
    started: float,
    timing: Mapping[str, float | None],
    **found: Any,
) -> RunRecord:
    """Return the record of a run, with what is said alike of every kind of run.

    Args:
        config: The resolved configuration.
        choices: The name chosen in each configuration group.
        started: `time.perf_counter()` at the start of the run.
        timing: Times beside those of the whole run.
        found: The other fields of the record.
    """
    return RunRecord(
        task=config["task"]["name"],
        model=choices["model"],
        method=choices["method"],
        seed=config["seed"],
        config=config,
        code_version=environment.code_version(),
        timing={"seconds": time.perf_counter() - started, **timing},
        memory=environment.peak_memory(),
        environment=environment.describe(),
        **found,
    )


def finish_run(record: RunRecord, folder: Path, run_loggers: list[Any]) -> None:
    """Write the record, close the dashboard and tell the user."""
    parts = {**record.scores, "parameters": record.parameters, "timing": record.timing}
    flat = {
        f"{part}/{name}": value
        for part, values in parts.items()
        for name, value in values.items()
        if isinstance(value, int | float) and not math.isnan(value)
    }
    lines = finish(run_loggers, flat | {"chosen/step": record.chosen["step"]}, folder)
    # The record comes last: a folder with it is a finished run.
    record.write(folder / RESULT)
    show_results(record, folder, lines)
