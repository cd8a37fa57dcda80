"""`python -m dnaft.data inspect`: what is in a file, and a task to start from."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dnaft import arguments
from dnaft.config import config_dir
from dnaft.data.source import SPLITS
from dnaft.data_tools import guess
from dnaft.data_tools.describe import describe_file, describe_tables
from dnaft.data_tools.hints import hints
from dnaft.data_tools.look import Look, form_of, look_at_bed, look_at_fasta, look_at_table
from dnaft.data_tools.proposal import Proposal, file_keys, label_keys, letter_keys
from dnaft.errors import InputError

USAGE = """\
python -m dnaft.data inspect file=FILE [KEY=VALUE ...]

Say what is in a file of yours, and write a task to start from.

  file=FILE          csv, tsv, parquet, JSON lines, FASTA or BED, plain or .gz
  train=FILE test=FILE [dev=FILE]   instead: a file a split
  genome=FILE        of BED: FASTA or GenBank
  labels=FILE        of FASTA: a table with the labels
  background=FILE    of FASTA and BED: rows of class 0; those of file=FILE are class 1

  sequence=COLUMN    where the guess is wrong; also sequence_b=COLUMN for pairs
  label=COLUMN[,COLUMN ...]
  species=COLUMN     a species token for each row
  split=COLUMN       train, dev and test by the values of a column
  id=id              of the table of labels: the column with the names
  separator=;        of a delimited file

  name=NAME          of the task; default: the name of the file
  out=my_conf        the task is out/task/NAME.yaml, which must not exist
"""
_FILES = (*SPLITS, "file", "genome", "background", "labels")
_KEYS = (
    *_FILES, "sequence", "sequence_b", "label", "species", "split", "id", "separator", "name", "out"
)  # fmt: skip
_OF_FORM = {
    "genome": ("bed",),
    "background": ("bed", "fasta"),
    "labels": ("fasta",),
    "id": ("fasta",),
    "sequence": ("table",),
    "sequence_b": ("table",),
    "separator": ("table",),
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def main(typed: Sequence[str]) -> None:
    """Print what was found and write the task.

    Raises:
        InputError: If the command line or a file is wrong; nothing is written then.
    """
    given = arguments.parse(typed, _KEYS)
    files = _check_files(given)
    name, target = _target(given, files[0])
    look = _look(given, files[0])
    if not look.rows:
        raise InputError(f"{files[0]}: the file holds no rows; put one labelled sequence in each")
    proposal = propose(given, look, name)
    print("\n".join(describe_file(look)))
    if proposal.complete:
        print("\n".join(describe_tables(proposal.build())))
    for hint in hints(given, look, proposal):
        print(hint)
    folder = target.parents[1]
    command = f"python -m dnaft.train --config-dir {folder} task={name}"
    head = [f"Written by python -m dnaft.data inspect for {', '.join(p.name for p in files)}: a",
            "guess, to be checked. All keys: docs/own_data.md", f"  {command}"]  # fmt: skip
    _write(target, proposal.yaml(head))
    print(f"wrote {target}")
    if proposal.complete:
        print(command)
    else:
        print("Fill in what is null there before you train: the file does not tell.")


def propose(given: dict[str, str], look: Look, name: str) -> Proposal:
    """Return a task for a file.

    Args:
        given: The command line.
        look: What stands in the file.
        name: Of the task.

    Raises:
        InputError: If a column that is asked for does not exist.
    """
    columns = look.columns
    source: dict[str, Any] = file_keys(given)
    sequences, taken = look.sequences or [], []
    if look.form == "table":
        found = guess.sequence_columns(columns)
        first = given.get("sequence", found[0] if found else None)
        source["sequence_column"] = first
        if first is not None:
            sequences = list(columns[guess.find(columns, first, "sequence")])
        if "sequence_b" in given:
            second = guess.find(columns, given["sequence_b"], "sequence_b")
            source["sequence_b_column"] = second
            sequences += columns[second]
        taken = found
        if look.separator is not None:
            source["separator"] = look.separator
        if look.column_names:
            source["column_names"] = look.column_names
    if look.header_pattern is not None and "background" not in given:
        source["header_pattern"] = look.header_pattern
    if "id" in given:
        source["id_column"] = given["id"]
    labels = None
    source["label_columns"] = []
    if "background" in given:
        labels = guess.Labels("binary", 1)
    else:
        asked = given["label"].split(",") if "label" in given else []
        names = [guess.find(columns, label, "label") for label in asked]
        names = names or guess.label_columns(columns, taken)
        source["label_columns"] = names or None
        labels = guess.labels_of([columns[label] for label in names]) if names else None
        if names and labels is None:
            raise InputError(
                f"label: {', '.join(names)} is neither numbers nor a few words; name another "
                "column with label=COLUMN"
            )
    if look.form == "bed":
        source.setdefault("genome", None)
    if "species" in given:
        source["species_column"] = guess.find(columns, given["species"], "species")
    split, remarks = _split(given, look)
    if split:
        source["split"] = split
    task: dict[str, Any] = {"name": name, **label_keys(labels)}
    lengths = set(map(len, sequences))
    if len(lengths) == 1 and "train" not in given:
        task["length_bp"] = lengths.pop()
    keys, letter_remarks = letter_keys(sequences)
    return Proposal(look.form, {**task, **keys}, source, {**remarks, **letter_remarks})


def _split(given: dict[str, str], look: Look) -> tuple[dict[str, Any], dict[str, str]]:
    """Return keys of the split, none if each has a file of its own, and remarks on them."""
    if "file" not in given:
        parted = {} if "dev" in given else {"by": "random", "dev_fraction": 0.15}
        return parted, {}
    split = guess.split_of(look.columns, given.get("split"))
    if split["by"] == "random":
        return split, {"by": "or column, group, similarity: what is related stays together"}
    return split, {}


def _look(given: dict[str, str], path: Path) -> Look:
    form = form_of(path)
    for key, forms in _OF_FORM.items():
        if key in given and form not in forms:
            raise InputError(f"{key}: has no part in {path}, which is read as {form}; leave it out")
    if form == "table":
        return look_at_table(path, given.get("separator"))
    if form == "fasta":
        table = Path(given["labels"]).expanduser() if "labels" in given else None
        return look_at_fasta(path, table, given.get("id", "id"))
    return look_at_bed(path, Path(given["genome"]).expanduser() if "genome" in given else None)


def _check_files(given: dict[str, str]) -> list[Path]:
    """Return the files with rows, the one to be looked into first."""
    splits = [key for key in SPLITS if key in given]
    if ("file" in given) == bool(splits):
        raise InputError("file: give file=FILE, or train=FILE test=FILE and, if there is one, dev=")
    if splits and not {"train", "test"} <= set(splits):
        raise InputError("train: a file a split needs train=FILE and test=FILE")
    for key in ("background", "split"):
        if key in given and splits:
            raise InputError(f"{key}: goes with file=FILE alone; leave it out")
    if "background" in given and "label" in given:
        raise InputError("label: the rows of background are class 0, all others 1; leave it out")
    return [Path(given[key]).expanduser() for key in ("file", *SPLITS) if key in given]


def _target(given: dict[str, str], path: Path) -> tuple[str, Path]:
    """Return the name of the task and the file to write."""
    name = given.get("name")
    if name is None:
        stem = path.name.removesuffix(".gz").rpartition(".")[0] or path.name
        name = re.sub(r"[^A-Za-z0-9_]", "_", stem)
        name = name if _NAME.fullmatch(name) else f"task_{name}"
    elif not _NAME.fullmatch(name):
        raise InputError(f"name: got {name!r}; needs letters, digits and _, a letter first")
    if Path(config_dir(), "task", f"{name}.yaml").exists():
        raise InputError(f"name: {name} is a task of dnaft; choose another with name=NAME")
    target = Path(given.get("out", "my_conf")).expanduser() / "task" / f"{name}.yaml"
    if target.exists():
        raise InputError(
            f"name: {target} exists, and nothing is overwritten; remove it, or choose another with "
            "name=NAME or out=FOLDER"
        )
    return name, target


def _write(target: Path, text: str) -> None:
    """Write a whole file, or none."""
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        os.replace(part, target)
    except OSError as error:
        raise InputError(
            f"out: cannot write {target} ({error.strerror or error}); choose another folder"
        ) from error
