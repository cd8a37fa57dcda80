"""How alike runs do on the labels of a task: `python -m dnaft.label_correlation RUN RUN ...`.

LINGO, Fig. 5e: Pearson's correlation of the AUC of 104 labels between each two of three models.
"""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from dnaft import arguments
from dnaft.errors import InputError
from dnaft.exit_status import run_command
from dnaft.label_table import AREAS, FILE, LabelScore, read_label_table
from dnaft.record import read
from dnaft.run_folder import RESULT

USAGE = """\
python -m dnaft.label_correlation RUN RUN [RUN ...] [score=auroc] [split=test]

Pearson's correlation, over the labels of a multi-label task, of the area of each label in one run
with its area in another, for each two of the runs.

  RUN           a run folder: it holds result.json and label_scores.csv
  score=auroc   or auprc
  split=test    or dev

Labels without an area in any of the runs are left out and counted.
"""
_KEYS = ("score", "split")
_LEAST = 2


def correlate_labels(
    tables: Sequence[Sequence[LabelScore]], score: str = "auroc", split: str = "test"
) -> tuple[list[list[float]], int, int]:
    """Return the correlation of each two runs.

    Args:
        tables: What `read_label_table` returns, of two runs or more.
        score: `auroc` or `auprc`.
        split: `dev` or `test`.

    Returns:
        The matrix, nan where the areas of a run do not vary; the labels it is over; the labels
        left out because a run has no area of them.

    Raises:
        ValueError: If the runs have different labels, or fewer than two labels have areas.
    """
    rows = [[s for s in table if s.split == split] for table in tables]
    labels = [[(s.label, s.name) for s in row] for row in rows]
    if any(row != labels[0] for row in labels):
        raise ValueError("the runs have different labels; compare runs of one task")
    columns = list(zip(*([getattr(s, score) for s in row] for row in rows), strict=True))
    kept = [column for column in columns if not any(map(math.isnan, column))]
    if len(kept) < _LEAST:
        raise ValueError(f"{len(kept)} labels have an area in all runs; two are needed")
    areas = list(zip(*kept, strict=True))
    matrix = [[_pearson(first, second) for second in areas] for first in areas]
    return matrix, len(kept), len(columns) - len(kept)


def _pearson(first: Sequence[float], second: Sequence[float]) -> float:
    try:
        return statistics.correlation(first, second)
    except statistics.StatisticsError:
        return math.nan


def describe(typed: Sequence[str]) -> str:
    """Return what the command prints.

    Args:
        typed: Run folders and KEY=VALUE.

    Raises:
        InputError: If a folder is no run of a multi-label task, or the runs do not go together.
    """
    folders = [text for text in typed if not text.startswith(tuple(f"{key}=" for key in _KEYS))]
    given = arguments.parse([text for text in typed if text not in folders], _KEYS)
    score, split = given.get("score", AREAS[0]), given.get("split", "test")
    for key, value, known in (("score", score, AREAS), ("split", split, ("dev", "test"))):
        if value not in known:
            raise InputError(f"{key}: got {value!r}; needs {' or '.join(known)}")
    if len(folders) < _LEAST:
        raise InputError(f"{len(folders)} run folders; give two or more to compare")
    records = [read(Path(folder) / RESULT) for folder in folders]
    tasks = sorted({record.task for record in records})
    if len(tasks) > 1:
        raise InputError(f"the runs are of the tasks {', '.join(tasks)}; compare runs of one")
    tables = [read_label_table(Path(folder) / FILE) for folder in folders]
    try:
        matrix, kept, left_out = correlate_labels(tables, score, split)
    except ValueError as error:
        raise InputError(str(error)) from error
    lines = [
        f"Pearson's correlation of {score} over {kept} labels of {tasks[0]}, {split}; "
        f"{left_out} without an area left out"
    ]
    for i, (record, row) in enumerate(zip(records, matrix, strict=True), start=1):
        cells = " ".join(f"{value:7.4f}" for value in row)
        lines.append(f"  {i}  {cells}   {record.model} {record.method} seed {record.seed}")
    return "\n".join(lines)


def main() -> None:
    """Run the command line; exit with status 2 and a message if the input is wrong."""
    run_command(USAGE, lambda typed: print(describe(typed)))


if __name__ == "__main__":
    main()
