"""One run on Weights & Biases: curves while it trains, charts and scores at its end."""

import csv
import math
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

from dnaft.dashboard.unfinished import Curve
from dnaft.data.targets import Targets
from dnaft.data.task import Task
from dnaft.label_table import AREAS, LabelScore
from dnaft.metrics import to_scores


@dataclass(frozen=True)
class Predictions:
    """What a run predicts for a split.

    Attributes:
        task: The task.
        split: Name of the split.
        logits: (rows,) or (rows, outputs).
        labels: (rows,) or (rows, outputs).
        names: Names of labels or targets, or none.
        targets: Targets of a regression as the file has them, if they were trained otherwise.
    """

    task: Task
    split: str
    logits: Tensor
    labels: Tensor
    names: tuple[str, ...]
    targets: Targets | None


@dataclass(frozen=True)
class Drawn:
    """A table of the run folder and the picture of it.

    Attributes:
        name: Of both files, without .csv and .png.
        table_key: What the table is called on the dashboard.
        picture_key: What the picture is called there.
        caption: Of the picture.
    """

    name: str
    table_key: str
    picture_key: str
    caption: str

    @property
    def table(self) -> str:
        """Name of the file with the table."""
        return f"{self.name}.csv"

    @property
    def picture(self) -> str:
        """Name of the file with the picture."""
        return f"{self.name}.png"


class Mirror(WandbLogger):
    """Lightning's logger, which also shows what a run found.

    What goes wrong at W&B costs no run its result: it is told in a line at the end.

    Args:
        earlier: What interrupted sessions of the run logged and W&B does not have; logged again.
        table_rows: Predictions in a table at most; 0: no table.
        arguments: Of `wandb.init`, and of Lightning's logger.
    """

    def __init__(self, earlier: Curve, table_rows: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._earlier = earlier
        self._table_rows = table_rows
        self._mode = arguments["mode"]
        self._lines: list[str] = []

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log values of a step; before the first of them, those of an interrupted session."""
        for earlier_step, values in self._earlier:
            if step is not None and earlier_step < step:
                super().log_metrics(values, earlier_step)
        self._earlier = []
        super().log_metrics(metrics, step)

    @rank_zero_only
    def show(self, predictions: Predictions) -> None:
        """Show the predictions of a split."""
        self._attempt(f"charts of {predictions.split}", lambda: self._show(predictions))

    @rank_zero_only
    def show_labels(self, scores: list[LabelScore]) -> None:
        """Show the scores of each label of a multi-label task, of all splits."""
        self._attempt("scores of the labels", lambda: self._show_labels(scores))

    @rank_zero_only
    def show_drawn(self, drawn: Drawn, folder: Path) -> None:
        """Show a picture of the run folder and the table that it was drawn from."""
        self._attempt(drawn.name, lambda: self._show_drawn(drawn, folder))

    def close(self, summary: Mapping[str, Any]) -> list[str]:
        """End the run with its final values; return lines for the user."""
        self._close_once(summary)
        return self._lines

    @rank_zero_only
    def _close_once(self, summary: Mapping[str, Any]) -> None:
        self._attempt("end of the run", lambda: self._close(summary))

    def _attempt(self, what: str, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:  # of whatever kind: hours of training have no result yet
            found = f"{type(error).__name__}: {error}".splitlines()[0]
            self._lines.append(f"W&B has no {what} ({found}); the run folder has all")

    def _show(self, given: Predictions) -> None:
        from dnaft.dashboard import charts

        if not bool(given.logits.isfinite().all()):
            return  # no score is defined
        if given.task.kind == "regression":
            found = self._scatter(given)
        else:
            classes = given.task.classes or tuple(map(str, range(max(2, given.task.outputs))))
            probabilities = to_scores(given.task.kind, given.logits).numpy()
            several = given.task.kind == "multilabel"  # then each has a line in a table of scores
            labels = (given.labels if several else given.labels.reshape(-1)).long().numpy()
            found = {} if several else charts.of_classes(probabilities, labels, classes)
            if given.split == "test" and self._table_rows:
                make = charts.table_of_labels if several else charts.table_of_predictions
                names = given.names if several else classes
                found["predictions"] = make(probabilities, labels, names, self._table_rows)
                self._note_capped(self._table_rows, len(labels), "test predictions in the table")
        if found:
            self.experiment.log({f"{given.split}/{key}": chart for key, chart in found.items()})

    def _scatter(self, given: Predictions) -> dict[str, Any]:
        from dnaft.dashboard import charts

        if given.targets is None:
            predicted, measured = given.logits.double().numpy(), given.labels.double().numpy()
        else:
            predicted, measured = given.targets.predictions(given.split, given.logits)
        rows = len(measured)
        shown = min(rows, self._table_rows or rows, charts.MOST_ROWS)
        predicted, measured = predicted.reshape(rows, -1), measured.reshape(rows, -1)
        self._note_capped(shown, rows, f"{given.split} rows plotted")
        targets = measured.shape[1]
        if targets > charts.MOST_TARGETS:
            self._lines.append(f"W&B: {charts.MOST_TARGETS} of {targets} targets plotted")
        return charts.of_targets(predicted, measured, given.names, shown)

    def _note_capped(self, shown: int, rows: int, what: str) -> None:
        if shown < rows:
            self._lines.append(f"W&B: {shown:,} of {rows:,} {what} (logger.table_rows)")

    def _show_labels(self, scores: list[LabelScore]) -> None:
        import wandb

        names = ("split", "label", "name", "rows", "positives", *AREAS)
        cells = [[getattr(score, name) for name in names] for score in scores]
        rows = [[None if c != c else c for c in line] for line in cells]
        scored = (s for s in scores if s.split == "test" and not math.isnan(s.auroc))
        areas = [[s.label, s.auroc] for s in scored]
        self.experiment.log(
            {
                "label_scores": wandb.Table(columns=list(names), data=rows),
                "test/auroc_by_label": wandb.plot.histogram(
                    wandb.Table(columns=["label", "auroc"], data=areas),
                    "auroc",
                    title="AUROC of the labels on test",
                ),
            }
        )

    def _show_drawn(self, drawn: Drawn, folder: Path) -> None:
        import wandb

        from dnaft.dashboard.charts import MOST_ROWS
        from dnaft.dashboard.curves import evenly

        with (folder / drawn.table).open(newline="", encoding="utf-8") as file:
            columns, *rows = csv.reader(file)
        shown = [[_cell(text) for text in rows[i]] for i in evenly(len(rows), MOST_ROWS)]
        self.experiment.log(
            {
                drawn.picture_key: wandb.Image(str(folder / drawn.picture), caption=drawn.caption),
                drawn.table_key: wandb.Table(columns=[*columns], data=shown),
            }
        )

    def _close(self, summary: Mapping[str, Any]) -> None:
        run = self.experiment
        run.summary.update(dict(summary))
        folder = Path(run.dir).parent
        run.finish()
        if self._mode == "offline":
            self._lines.append(
                f"W&B ran offline; upload with: wandb sync {shlex.quote(str(folder))}"
            )


def _cell(text: str) -> int | float | str | None:
    """Return what stands in a cell of a csv file; None for what is not a number but should be."""
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        return value if math.isfinite(value) else None
    return text
