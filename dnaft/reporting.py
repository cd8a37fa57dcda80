"""What a user reads in the terminal before and after a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from dnaft import __version__, record
from dnaft.errors import InputError, counted
from dnaft.models.quantise import numel
from dnaft.record import RunRecord
from dnaft.run_folder import RESULT

_MOST_ROWS, _LONGEST = 20, 32
_PRETRAINED = "yeast_mini (comes with dnaft), dnabert2, nt_v2_500m"


def announce_run(choices: dict[str, str], config: dict[str, Any], folder: Path) -> None:
    """Say what runs and where, and that random weights know nothing of DNA."""
    print(
        f"dnaft {__version__}: task={choices['task']} model={choices['model']} "
        f"method={choices['method']} seed={config['seed']}"
    )
    print(f"run folder: {folder}")
    if config["model"].get("source"):
        print(_describe_weights(config["model"]))
    elif config["model"].get("architecture"):
        print(
            f"model {choices['model']} has random weights, which know nothing of DNA. For real "
            f"work choose a pretrained model: {_PRETRAINED}, or model.source=FOLDER"
        )


def _describe_weights(model: dict[str, Any]) -> str:
    """Say whose weights they are, on what terms, and how much they read at once."""
    licence = f"licence {model['licence']}" if model["licence"] else "no licence known"
    room = f"up to {model['max_tokens']:,} tokens"
    if model["max_bp"] is not None:
        room += f", {model['max_bp']:,} bp"
    return f"weights of {model['source']}: {licence}; {room}"


def describe_parameters(backbone: nn.Module) -> dict[str, Any]:
    """Count parameters: trainable ones, all of them, and the share."""
    total = sum(numel(p) for p in backbone.parameters())
    trainable = sum(p.numel() for p in backbone.parameters() if p.requires_grad)
    return {"trainable": trainable, "total": total, "fraction": trainable / total}


def finished_runs(task_folder: Path) -> list[tuple[RunRecord, str]]:
    """Return the records of all finished runs below a folder, each with its folder's name."""
    runs = []
    for file in sorted(task_folder.glob(f"*/*/*/{RESULT}")):
        try:
            runs.append((record.read(file), _shorten(file.parent.name)))
        except InputError:
            continue  # a file of another version is no reason to fail after hours of training
    return runs


def show_results(result: RunRecord, folder: Path, lines: list[str]) -> None:
    """Print this run beside all finished runs of its task, and where its files lie."""
    runs = finished_runs(folder.parents[2])
    runs.sort(key=lambda run: (run[0].chosen["metric"], run[0].main_score("dev")))
    shown = runs[-_MOST_ROWS:]
    print(f"\n{counted(len(runs), 'finished run')} of {result.task}, the best on dev last:\n")
    print(record.table([run for run, _ in shown], [name for _, name in shown]))
    if result.forgetting:
        print(f"\n{_describe_forgetting(result.forgetting)}")
    print(f"\nrun folder: {folder}")
    for line in lines:
        print(line)


def _describe_forgetting(found: Mapping[str, Any]) -> str:
    before, after = (found[when]["perplexity"] for when in ("before", "after"))
    return (
        f"{found['objective']} language model on dev: perplexity {before:.3f} before fine-tuning, "
        f"{after:.3f} after"
    )


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
