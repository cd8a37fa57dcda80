"""Invented runs for the tests of the report: their scores are known, nothing was trained."""

import math
from pathlib import Path
from typing import Any

from dnaft.label_table import LabelScore, write_label_table
from dnaft.record import RunRecord
from dnaft.report.charts import Figure, Plot
from dnaft.report.contents import Contents, gather
from dnaft.report.runs import find_results, read_results


def make_run(
    folder: Path,
    *,
    task: str = "h3",
    model: str = "tiny",
    method: str = "lora",
    seed: int = 1,
    dev: float = 0.5,
    test: float = 0.4,
    metric: str = "mcc",
    lr: float | None = 1e-3,
    **changes: Any,
) -> Path:
    """Write result.json into a folder of its own and return that folder."""
    trivial = method.startswith("baseline_")
    config: dict[str, Any] = {
        "seed": seed,
        "output_dir": str(folder),
        "task": {"name": task, "source": {"folder": task}},
        "tokenizer": {"k": 6, "prefix": ""},
        "model": {"name": model},
        "method": {
            "name": method,
            "baseline": {"k": 6} if trivial else None,
            "optimizer": None if trivial else {"lr": lr},
        },
        "data": {"batch_size": 8, "seed": seed},
        "trainer": {"val_check_interval": 50},
    }
    for key in [key for key in changes if "." in key]:
        place = config
        *above, last = key.split(".")
        for name in above:
            place = place.setdefault(name, {})
        place[last] = changes.pop(key)
    values: dict[str, Any] = {
        "task": task,
        "model": "none" if trivial else model,
        "method": method,
        "seed": seed,
        "config": config,
        "code_version": "0.1.0",
        "data": {"leaks": {"train/test": {"exact": 0, "rc": 0}}, "truncation": {}},
        "parameters": {"trainable": 1000, "total": 100_000, "fraction": 0.01},
        "scores": {"dev": {metric: dev}, "test": {metric: test}},
        "chosen": {"step": 100, "metric": metric, "value": dev},
        "timing": {"seconds": 60.0, "steps": 200},
        "memory": {"process_bytes": 2e9, "cuda_bytes": None},
        "flops": {"per_step": 1e9, "total": 2e11},
    }
    settings = f",lr={lr}" if lr is not None else ""
    place_of_run = folder / task / str(values["model"]) / method / f"seed{seed}{settings}"
    while place_of_run.exists():
        place_of_run = place_of_run.with_name(f"{place_of_run.name}-2")
    RunRecord(**(values | changes)).write(place_of_run / "result.json")
    return place_of_run


def write_metrics(run: Path, losses: list[float], dev: dict[int, float], metric: str) -> None:
    """Write a metrics.csv as Lightning does: a line for each kind of value."""
    lines = [f"step,train/loss,dev/{metric}"]
    for at, loss in enumerate(losses):
        step = 10 * at + 9
        lines.append(f"{step},{loss},")
        if step + 1 in dev:
            lines.append(f"{step},,{dev[step + 1]}")
    (run / "metrics.csv").write_text("\n".join(lines) + "\n")


def write_ranks(run: Path, ranks: dict[str, int]) -> None:
    """Write a ranks.csv of two allocations, the second with these ranks."""
    head = ["step", "budget", "kept", "kept_parameters", "dropped", "reintroduced", *ranks]
    first = [10, 99, 99, 9, 0, 0, *[12] * len(ranks)]
    last = [20, 50, sum(ranks.values()), 9, 1, 1, *ranks.values()]
    lines = [",".join(map(str, line)) for line in (head, first, last)]
    (run / "ranks.csv").write_text("\n".join(lines) + "\n")


def write_labels(run: Path, areas: list[float]) -> None:
    """Write a label_scores.csv with these areas on test, and others on dev."""
    scores = [
        LabelScore(split, at, f"mark {at}", 100, 20, area + shift, math.nan)
        for split, shift in (("dev", -0.1), ("test", 0.0))
        for at, area in enumerate(areas)
    ]
    write_label_table(run / "label_scores.csv", scores)


def contents_of(folder: Path) -> Contents:
    return gather(*read_results(find_results(str(folder))))


def only(figure: Figure) -> Plot:
    (chart,) = figure.charts
    assert isinstance(chart, Plot)
    return chart
