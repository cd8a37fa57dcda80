"""Build the files of the yeast suite from the annotated yeast genome.

    python -m dnaft.data.yeast                  # write all files into the package
    python -m dnaft.data.yeast tata start       # some of them
    python -m dnaft.data.yeast --check          # rebuild them and compare byte for byte

docs/yeast.md has the recipes and their reasons.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from dnaft.data.packed import write_packed
from dnaft.data.yeast import coding, features, orientation, promoter, start, strand, tata
from dnaft.data.yeast_genome import Chromosome, read_genome
from dnaft.errors import InputError, near

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "yeast"
RECIPES = {
    "promoter": promoter.build,
    "tata": tata.build,
    "strand": strand.build,
    "orientation": orientation.build,
    "start": start.build,
    "coding": coding.build,
    "features": features.build,
}


def file_of(task: str, folder: Path = ASSETS) -> Path:
    """Return where the file of a task lies."""
    return folder / f"{task}.safetensors"


def main(arguments: list[str] | None = None) -> int:
    """Write files, or with `--check` compare them with those in `--out`.

    Returns:
        0 if all went well, 1 if a file differs from what its recipe gives, 2 for bad input.
    """
    parser = argparse.ArgumentParser(prog="python -m dnaft.data.yeast", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    names = ", ".join(RECIPES)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"default: all ({names})")
    parser.add_argument("--out", type=Path, default=ASSETS, help="folder of the files")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    tasks = options.tasks or list(RECIPES)
    try:
        _refuse(tasks, options.out, options.check)
        genome = read_genome()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.check:
        return 0 if all([_equals(task, options.out, genome) for task in tasks]) else 1
    options.out.mkdir(parents=True, exist_ok=True)
    for task in tasks:
        windows, path = RECIPES[task](genome), file_of(task, options.out)
        write_packed(windows, path)
        print(f"{path}: {len(windows)} windows, sha256 of the columns {windows.sha256()}")
    return 0


def _refuse(tasks: list[str], folder: Path, check: bool) -> None:
    for task in tasks:
        if task not in RECIPES:
            raise InputError(f"no task {task!r}; {near(task, RECIPES)}")
        path = file_of(task, folder)
        if check and not path.is_file():
            raise InputError(f"{path}: no such file to check; leave out --check to build it.")


def _equals(task: str, folder: Path, genome: list[Chromosome]) -> bool:
    path = file_of(task, folder)
    with tempfile.TemporaryDirectory() as temporary:
        rebuilt = file_of(task, Path(temporary))
        write_packed(RECIPES[task](genome), rebuilt)
        same = rebuilt.read_bytes() == path.read_bytes()
    print(f"{path}: {'equals' if same else 'DIFFERS from'} what the recipe builds")
    return same


if __name__ == "__main__":
    sys.exit(main())
