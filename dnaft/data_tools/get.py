"""`python -m dnaft.data get`: a benchmark from the hub or its archive, laid out for training."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dnaft.errors import InputError

if TYPE_CHECKING:
    from dnaft.data.task import Task
    from dnaft.data_tools.supply import Supply

USAGE = """\
python -m dnaft.data get gue [out=FOLDER]
python -m dnaft.data get gue file=GUE.zip [out=FOLDER]

Put a benchmark where training finds it: FOLDER/GUE/<family>/<dataset>/{train,dev,test}.csv.

  gue            the 28 of GUE; nt, nt_revised: the 18 of the Nucleotide Transformer's releases
  file=FILE.zip  unpack an archive that you downloaded; without it the hub is asked
  out=FOLDER     default $DNAFT_DATA_DIR, else data; training takes it as data_dir=FOLDER

Every file is read and compared with what its task asserts before it appears. A data set appears
complete or not at all, and nothing is overwritten: run it again for what is missing. Exit status 2
if a data set could not be had, is incomplete or is wrong; the others are there.
"""
_KEYS = ("file", "out")


@dataclass
class _Outcome:
    """Names of tasks by what became of them."""

    written: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def main(typed: Sequence[str]) -> None:
    """Run the command.

    Raises:
        InputError: For wrong arguments, and if a data set could not be put into place.
    """
    from dnaft import arguments
    from dnaft.data_tools.archive import Archive
    from dnaft.data_tools.files import output_folder
    from dnaft.data_tools.staging import staging
    from dnaft.data_tools.supply import ArchiveSupply, HubSupply
    from dnaft.data_tools.tasks import (
        BENCHMARKS,
        check_benchmark,
        default_data_dir,
        load_benchmark,
    )

    if not typed or "=" in typed[0]:
        raise InputError(f"get: say what: {', '.join(BENCHMARKS)}")
    benchmark, *rest = typed
    given = arguments.parse(rest, _KEYS)
    check_benchmark(benchmark)
    archive = Archive(Path(given["file"]).expanduser()) if "file" in given else None
    tasks = load_benchmark(benchmark)
    supply: Supply = HubSupply() if archive is None else ArchiveSupply(archive, tasks)
    out = output_folder(given.get("out", default_data_dir()))
    outcome = _Outcome()
    with staging(out) as stage:
        for task in tasks:
            if not _get_one(task, supply, stage, out, outcome):
                break
    _tell(benchmark, len(tasks), out / BENCHMARKS[benchmark], outcome)


def _get_one(task: "Task", supply: "Supply", stage: Path, out: Path, outcome: _Outcome) -> bool:
    """Put one data set into place; return whether it is worth going on with the others."""
    from dnaft.data_tools.staging import publish
    from dnaft.data_tools.supply import HubSupply, files_of
    from dnaft.hub import HubError, NotOnHubError

    source = files_of(task)
    names = list(source.local_files().values())
    target = out / source.folder
    if isinstance(supply, HubSupply) and all((target / name).is_file() for name in names):
        outcome.there.append(task.name)
        return True
    held = supply.holds(task)
    if not held:
        outcome.absent.append(task.name)
        return True
    try:
        if held != names:
            lacking = " and ".join(name for name in names if name not in held)
            raise InputError(f"task {task.name}: incomplete, there is no {lacking}; left out")
        staged = stage / source.folder
        staged.mkdir(parents=True)
        for name in names:
            supply.write(task, name, staged / name)
        outcome.remarks += _check(task, stage)
        (outcome.written if publish(staged, target) else outcome.there).append(task.name)
    except InputError as error:
        outcome.problems.append(str(error).replace(f"{stage}/", ""))
        # Without an answer from the hub the next data set would wait for it in vain, too.
        return not isinstance(error, HubError) or isinstance(error, NotOnHubError)
    return True


def _check(task: "Task", stage: Path) -> list[str]:
    """Read what was staged as training would; return what is remarkable of it.

    Raises:
        InputError: If a row is wrong, or the files are not what the task asserts.
    """
    from dnaft.data_tools.reading import checksum_state

    tables = task.load(str(stage))
    return [
        f"task {task.name}, {split}: as many rows as published, but another checksum"
        for split, table in tables.items()
        if checksum_state(task, split, table) == "differs"
    ]


def _tell(benchmark: str, tasks: int, folder: Path, outcome: _Outcome) -> None:
    print(
        f"{benchmark}: {len(outcome.written)} of {tasks} data sets written to {folder}, "
        f"{len(outcome.there)} were there"
    )
    for remark in outcome.remarks:
        print(remark)
    if outcome.absent:
        print(f"the archive has nothing of {', '.join(outcome.absent)}")
    if outcome.problems:
        listed = "\n".join(f"  {text}" for text in outcome.problems)
        raise InputError(f"{benchmark}: not all of it could be had:\n{listed}")
