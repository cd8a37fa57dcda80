"""What bfloat16 products change: runs in float32 and in mixed precision, the same seeds.

    python benchmarks/precision.py [--jobs N] [--only-report]

Prints a table for docs/benchmarks.md, and to stderr how far it is. Finished runs in
outputs/precision are kept.
"""

import contextlib
import sys
from dataclasses import dataclass

from runs import Overrides
from study import SEEDS, budget, output_folder, parser, rows_of, score_columns
from tables import Row, compare, show, show_ratio, table

from dnaft.record import RunRecord

MODEL = "yeast_mini"
TASKS = ("yeast_tata", "yeast_start")
METHODS = ("lora", "adalora_rs")
PRECISIONS = ("32-true", "bf16-mixed")
STEPS = 250


@dataclass(frozen=True)
class Cell:
    """One run."""

    task: str
    method: str
    precision: str
    seed: int

    def overrides(self) -> Overrides:
        """Return what the command line of this run says."""
        names = {"task": self.task, "method": self.method, "seed": self.seed, "model": MODEL}
        parts = [f"{name}={value}" for name, value in names.items()]
        return (*parts, *budget(STEPS, self.precision))


def to_row(cell: Cell, run: RunRecord) -> Row:
    """Return the numbers of a run."""
    names = {"task": cell.task, "method": cell.method, "precision": cell.precision}
    seconds = f"{run.timing['train_seconds']:.1f}"
    return names | score_columns(run) | {"train_seconds": seconds}


def main() -> None:
    """Make what is missing, then print the table."""
    options = parser(__doc__ or "").parse_args()
    cells = [Cell(t, m, p, s) for t in TASKS for m in METHODS for s in SEEDS for p in PRECISIONS]
    with contextlib.redirect_stdout(sys.stderr):
        rows = rows_of(cells, to_row, output_folder("precision", MODEL), options)

    def values(precision: str, name: str, **wanted: str) -> list[float]:
        wanted = {**wanted, "precision": precision}
        return [float(row[name]) for row in rows if wanted.items() <= row.items()]

    lines = [["", *(f"dev MCC, {p}" for p in PRECISIONS), *(f"test MCC, {p}" for p in PRECISIONS)]]
    for task in TASKS:
        for method in METHODS:
            cells_of = [
                show(values(p, f"{split}_mcc", task=task, method=method))
                for split in ("dev", "test")
                for p in PRECISIONS
            ]
            lines.append([f"{task}, `{method}`", *cells_of])
    print(table(lines))
    single, half = PRECISIONS
    for split in ("dev", "test"):
        found = compare(values(half, f"{split}_mcc"), values(single, f"{split}_mcc"))
        print(
            f"\n{split} MCC, {half} - {single}: mean {found[0]}, 95% interval {found[1]}, "
            f"paired t-test over {len(rows) // 2} runs p = {found[3]}"
        )
    times = [values(precision, "train_seconds") for precision in PRECISIONS]
    print(f"\nseconds of training, {single} / {half}: {show_ratio(*times)}")


if __name__ == "__main__":
    main()
