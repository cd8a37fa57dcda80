"""What the reports on many runs share: their command line, their budget, the scores they read."""

import argparse
import functools
import hashlib
import statistics
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from runs import ROOT, Overrides, make_runs
from tables import Row

from dnaft.environment import usable_cores
from dnaft.models.checkpoint import find_checkpoint
from dnaft.record import RunRecord

DOCS = ROOT / "docs"
BASELINES = {"baseline_kmer": "6-mer counts", "baseline_onehot": "one-hot"}
METRICS = {"mcc": "MCC", "auroc": "AUROC"}
SEEDS = (1, 2, 3)


class Cell(Protocol):
    """One run of a report."""

    def overrides(self) -> Overrides:
        """Return what the command line of this run says."""
        ...


C = TypeVar("C", bound=Cell)


def budget(steps: int, precision: str = "auto") -> Overrides:
    """Return the overrides of a run of so many steps, dev scored after each fifty."""
    return (
        f"trainer.max_steps={steps}",
        f"trainer.precision={precision}",
        "trainer.max_epochs=-1",
        "trainer.val_check_interval=50",
        "trainer.check_val_every_n_epoch=null",
    )


def parser(description: str) -> argparse.ArgumentParser:
    """Return the arguments of every report."""
    found = argparse.ArgumentParser(description=description.partition("\n")[0])
    found.add_argument("--jobs", type=int, default=usable_cores())
    found.add_argument("--only-report", action="store_true", help="from finished runs alone")
    return found


@functools.cache
def fingerprint(*models: str) -> str:
    """Return ten characters that other packaged weights do not have."""
    checksums = hashlib.sha256()
    for model in models:
        folder = find_checkpoint(f"package:{model}", None, allow_pickle=False)
        checksums.update((folder / "model.safetensors").read_bytes())
    return checksums.hexdigest()[:10]


def output_folder(report: str, *models: str) -> Path:
    """Return where the runs of a report lie; those of other packaged weights lie elsewhere."""
    return ROOT / "outputs" / report / fingerprint(*models)


def rows_of(
    cells: Iterable[C],
    to_row: Callable[[C, RunRecord], Row],
    output: Path,
    options: argparse.Namespace,
    outside: Overrides = (),
) -> list[Row]:
    """Return a line for each run that is finished, after making those that are missing.

    Args:
        cells: The runs.
        to_row: Makes the line of one.
        output: Folder of the runs.
        options: What `parser` found: with `only_report` nothing is made.
        outside: Overrides that are not part of a run's name, such as `data_dir=`.
    """
    cells = list(cells)
    wanted = [] if options.only_report else [cell.overrides() for cell in cells]
    finished = make_runs(wanted, output, options.jobs, outside)
    found = [(cell, finished.get(frozenset(cell.overrides()))) for cell in cells]
    return [to_row(cell, run) for cell, run in found if run is not None]


def score_columns(run: RunRecord) -> Row:
    """Return the scores of a run under their names in the csv, such as `dev_mcc`."""
    names = [(split, metric) for split in ("dev", "test") for metric in METRICS]
    return {f"{split}_{name}": f"{run.scores[split][name]:.4f}" for split, name in names}


def swept(rows: Iterable[Row], tasks: tuple[str, ...], wanted: Mapping[str, str]) -> float:
    """Return the dev MCC of the first seed's runs with these cells, mean of the sweep's tasks.

    Raises:
        SystemExit: If one is missing.
    """
    wanted = {**wanted, "seed": str(SEEDS[0])}
    found = {r["task"]: r for r in rows if r["task"] in tasks and wanted.items() <= r.items()}
    if len(found) != len(tasks):
        raise SystemExit(f"sweep of {' '.join(wanted.values())}: runs are missing")
    return statistics.mean(float(row["dev_mcc"]) for row in found.values())


def fill(page: str, values: Mapping[str, str], file: Path) -> None:
    """Write a page: `page`.md.in beside this file with its {names} replaced."""
    text = (Path(__file__).parent / f"{page}.md.in").read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    file.write_text(text, encoding="utf-8")
