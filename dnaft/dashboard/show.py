"""What a run hands to its dashboards; without one nothing happens."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from torch import Tensor

from dnaft.dashboard.mirror import Drawn, Mirror, Predictions
from dnaft.data.targets import Targets
from dnaft.data.task import Task
from dnaft.label_table import FILE as LABEL_TABLE
from dnaft.label_table import read_label_table

_DRAWN = (
    Drawn("ranks", "rank/allocations", "rank/heat_map", "layers by module over steps"),
    Drawn("layers", "layer/scores", "layer/curve", "scores of a linear probe of each layer"),
)


def show_predictions(
    loggers: Sequence[Logger],
    task: Task,
    data_dir: str,
    targets: Targets | None,
    predicted: Iterable[tuple[str, Tensor, Tensor]],
) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Yield predictions as they come, having shown them to the dashboard.

    Args:
        loggers: What `open_loggers` returned.
        task: The task.
        data_dir: The folder with the benchmarks, which may hold the names of the labels.
        targets: Targets of a regression as the file has them, if they were trained otherwise.
        predicted: Name, logits and labels of each split.
    """
    mirrors = _mirrors(loggers)
    names = task.label_names(data_dir) if mirrors else ()
    for split, logits, labels in predicted:
        for mirror in mirrors:
            mirror.show(Predictions(task, split, logits, labels, names, targets))
        yield split, logits, labels


def finish(loggers: Sequence[Logger], summary: Mapping[str, Any], folder: Path) -> list[str]:
    """Hand the result to the dashboard, close it, and return lines for the user.

    Args:
        loggers: What `open_loggers` returned.
        summary: Final values, flat.
        folder: The run folder with its tables and plots.
    """
    lines = []
    for mirror in _mirrors(loggers):
        if (folder / LABEL_TABLE).is_file():
            mirror.show_labels(read_label_table(folder / LABEL_TABLE))
        for drawn in _DRAWN:
            if (folder / drawn.picture).is_file():
                mirror.show_drawn(drawn, folder)
        lines += mirror.close(summary)
    return lines


def _mirrors(loggers: Sequence[Logger]) -> list[Mirror]:
    return [logger for logger in loggers if isinstance(logger, Mirror)]
