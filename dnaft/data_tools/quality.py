"""`python -m dnaft.data quality`: leaks, near duplicates, biases and what trivial models score."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dnaft.errors import InputError

if TYPE_CHECKING:
    from dnaft.data.table import SequenceTable
    from dnaft.data.task import Task
    from dnaft.data_tools.reading import Reading

USAGE = """\
python -m dnaft.data quality task=NAME [data_dir=FOLDER] [out=FOLDER] [rows=N] [models=false]

Look through the data of a task and write TASK.html, one page without any other file, and TASK.json:
sequences that are repeated, carry two labels or lie in two splits, on either strand; near
duplicates; shuffled negatives; GC content and length by class; what models of GC content, k-mer
counts and single bases score; known traps.

  task=NAME          a task of conf/task; task.KEY=VALUE changes its keys as in training
  data_dir=FOLDER    where the data are; default $DNAFT_DATA_DIR, else data
  out=FOLDER         default quality
  rows=N             look for near duplicates in, and fit models to, at most so many rows of a
                     split, drawn at random; default 50000. All else counts all rows
  models=false       fit no models: with many labels or long sequences that takes minutes
  config_dir=FOLDER  a folder with tasks of yours, --config-dir of training

Nothing is fetched: what data_dir lacks is sought in the hub's cache.
"""
SCHEMA_VERSION = 1
_KEYS = ("task", "data_dir", "out", "rows", "models", "config_dir")
_ROWS = 50_000
_SEED = 1


def main(typed: Sequence[str]) -> None:
    """Run the command.

    Raises:
        InputError: For wrong arguments, and if data are missing or wrong.
    """
    from dnaft import arguments
    from dnaft.data_tools.files import output_folder, replace_json, replace_text
    from dnaft.data_tools.quality_page import to_html
    from dnaft.data_tools.reading import read_splits
    from dnaft.data_tools.tasks import default_data_dir, load_task, part_arguments

    given, changes = part_arguments(typed, _KEYS)
    if "task" not in given:
        raise InputError("task: has no value; give one with task=NAME")
    most = _whole_number(given.get("rows", str(_ROWS)))
    with_models = arguments.boolean(given, "models", default=True)
    task = load_task(given["task"], changes, given.get("config_dir"))
    data_dir = given.get("data_dir", default_data_dir())
    reading = read_splits(task, data_dir)
    if not reading.tables:
        raise InputError(
            "; ".join(reading.problems)
            or f"task {task.name}: no data in {data_dir} (data_dir) or the hub's cache; fetch them "
            "with python -m dnaft.data get, or set data_dir to the folder with them"
        )
    out = output_folder(given.get("out", "quality"))
    report = examine(task, reading, most, with_models)
    files = out / f"{task.name}.html", out / f"{task.name}.json"
    replace_text(files[0], to_html(report))
    replace_json(files[1], report)
    for finding in report["findings"]:
        print(f"{finding['kind']}: {finding['text']}")
    for problem in reading.problems:
        print(f"problem: {problem}")
    print(f"written: {files[0]} and {files[1]}")


def examine(task: "Task", reading: "Reading", most: int, with_models: bool) -> dict[str, Any]:
    """Return the report as plain values; numbers that are not defined are null.

    Args:
        task: The task.
        reading: Its splits, one of them at least.
        most: Rows of a split that near duplicates are sought in and models are fitted to.
        with_models: Whether models are fitted.
    """
    from dnaft import __version__
    from dnaft.data.dinucleotides import count_shuffles
    from dnaft.data_tools.card import describe
    from dnaft.data_tools.composition import describe_composition
    from dnaft.data_tools.findings import find_all
    from dnaft.data_tools.near_rows import describe_near
    from dnaft.data_tools.trivial_models import score_models

    tables = reading.tables
    drawn = {split: _draw(table, most) for split, table in tables.items()}
    whole = {"train", "dev", "test"} <= set(tables)
    shuffles = task.kind in ("binary", "multiclass") and "train" in tables
    remarks = []
    models: dict[str, Any] = {}
    if not whole:
        remarks.append("Models are fitted only where train, dev and test are all there.")
    elif with_models:
        try:
            models = score_models(task, drawn)
        except InputError as error:
            remarks.append(f"No model was fitted: {error}.")
    report: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "card": describe(task, reading),
        "rows_looked_at": {split: len(table) for split, table in drawn.items()},
        "near": describe_near(task.kind, drawn),
        "shuffles": count_shuffles(tables) if shuffles else {},
        "composition": describe_composition(task.kind, tables),
        "models": models,
        "remarks": remarks,
        "code_version": __version__,
    }
    report["findings"] = find_all(report)
    plain: dict[str, Any] = _without_nan(report)
    return plain


def _draw(table: "SequenceTable", most: int) -> "SequenceTable":
    """Return at most so many rows, drawn at random, in the order of the file."""
    import numpy as np

    if len(table) <= most:
        return table
    random = np.random.Generator(np.random.PCG64(_SEED))
    return table.take(np.sort(random.permutation(len(table))[:most]))


def _whole_number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"rows: got {text!r}; needs a whole number from 1")
    return int(text)


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and value != value else value
