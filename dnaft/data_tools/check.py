"""`python -m dnaft.data check`: are the data what the task says, and what is known of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dnaft.errors import InputError

USAGE = """\
python -m dnaft.data check task=NAME [data_dir=FOLDER] [out=FOLDER]
python -m dnaft.data check gue [data_dir=FOLDER] [out=FOLDER]

Count the rows of a task, or of all tasks of a benchmark, and print its data card: labels, lengths,
GC content, sequences that are repeated, carry two labels or occur in two splits, on either strand;
checksums where the published ones are known; known traps.

  task=NAME          a task of conf/task; task.KEY=VALUE changes its keys as in training
  gue                the 28 of GUE; nt, nt_revised: the 18 of the Nucleotide Transformer's releases
  data_dir=FOLDER    where the data are; default $DNAFT_DATA_DIR, else data
  out=FOLDER         write the cards there, TASK.md and TASK.json
  config_dir=FOLDER  a folder with tasks of yours, --config-dir of training

Nothing is fetched: what data_dir lacks is sought in the hub's cache. A task without data has a
card, too, of what is known without them. Exit status 2 if rows are missing, cannot be read, or
differ from what the task asserts.
"""
_KEYS = ("task", "data_dir", "out", "config_dir")


def main(typed: Sequence[str]) -> None:
    """Run the command.

    Raises:
        InputError: For wrong arguments, and if data are missing or not what the task says.
    """
    from dnaft.data_tools.tasks import (
        default_data_dir,
        load_benchmark,
        load_task,
        part_arguments,
    )

    benchmark = typed[0] if typed and "=" not in typed[0] else None
    given, changes = part_arguments(typed[benchmark is not None :], _KEYS)
    if (benchmark is None) == ("task" not in given):
        raise InputError("task: say what to check: task=NAME, or gue, nt or nt_revised")
    if benchmark is not None and changes:
        raise InputError(f"{changes[0]}: changes one task; give it with task=NAME")
    data_dir = given.get("data_dir", default_data_dir())
    out = given.get("out")
    if benchmark is None:
        task = load_task(given["task"], changes, given.get("config_dir"))
        _check_one(task, data_dir, out)
    else:
        tasks = load_benchmark(benchmark)
        _check_all(benchmark, tasks, data_dir, out)


def _check_one(task: Any, data_dir: str, out: str | None) -> None:
    from dnaft.data_tools.card import describe, to_markdown
    from dnaft.data_tools.reading import read_splits

    reading = read_splits(task, data_dir)
    if not reading.tables and reading.problems:
        raise InputError("; ".join(reading.problems))
    card = describe(task, reading)
    print(to_markdown(card), end="")
    if out is not None:
        _write(card, out)
    if reading.absent:
        raise InputError(
            f"task {task.name}: no data in {data_dir} (data_dir) or the hub's cache; fetch them "
            "with python -m dnaft.data get, or set data_dir to the folder with them"
        )
    if reading.problems:
        raise InputError("; ".join(reading.problems))


def _check_all(benchmark: str, tasks: Sequence[Any], data_dir: str, out: str | None) -> None:
    from dnaft.data_tools.card import (
        OVERLAP_COLUMNS,
        SPLIT_COLUMNS,
        describe,
        markdown_table,
        overlap_rows,
        split_rows,
    )
    from dnaft.data_tools.reading import read_splits

    cards: list[dict[str, Any]] = []
    absent: list[str] = []
    problems: list[str] = []
    splits: list[Sequence[str]] = []
    overlaps: list[Sequence[str]] = []
    traps: dict[tuple[str, str], list[str]] = {}
    for task in tasks:
        reading = read_splits(task, data_dir)
        problems += reading.problems
        card = describe(task, reading)
        cards.append(card)
        if reading.absent:
            absent.append(task.name)
        splits += [[task.name, *row] for row in split_rows(card)]
        overlaps += [[task.name, *row] for row in overlap_rows(card)]
        for name, text in card["traps"].items():
            traps.setdefault((name, " ".join(text.split())), []).append(task.name)
    if len(absent) == len(tasks):
        raise InputError(
            f"data_dir: {data_dir} and the hub's cache have nothing of {benchmark}; fetch it with "
            f"python -m dnaft.data get {benchmark}, or set data_dir to the folder with it"
        )
    if out is not None:
        for card in cards:
            _write(card, out)
    print(markdown_table(("task", *SPLIT_COLUMNS), splits), end="\n\n")
    print(markdown_table(("task", *OVERLAP_COLUMNS), overlaps), end="\n\n")
    warnings = [(name, text, ", ".join(of)) for (name, text), of in traps.items()]
    print(markdown_table(("trap", "", "tasks"), warnings), end="\n\n")
    print(f"{len(tasks) - len(absent)} of {len(tasks)} tasks of {benchmark} are here", end="")
    print(f"; not: {', '.join(absent)}" if absent else "")
    if problems:
        listed = "\n".join(f"  {text}" for text in problems)
        raise InputError(f"{benchmark}: {len(problems)} problems:\n{listed}")


def _write(card: dict[str, Any], out: str) -> None:
    from dnaft.data_tools.card import to_markdown
    from dnaft.data_tools.files import output_folder, replace_json, replace_text

    folder = output_folder(out)
    files: list[Path] = [folder / f"{card['task']}.md", folder / f"{card['task']}.json"]
    replace_text(files[0], to_markdown(card))
    replace_json(files[1], card)
