"""Every yaml of conf/task composes, builds, and fits the data where they are at hand."""

import functools
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from dnaft.config import build, config_dir
from dnaft.data.bed_files import BedFiles
from dnaft.data.csv_folder import CsvFolder
from dnaft.data.fasta_files import FastaFiles
from dnaft.data.fasta_folder import FastaFolder
from dnaft.data.packed_source import ASSETS, PackedSource
from dnaft.data.reader import read_csv
from dnaft.data.source import SPLITS
from dnaft.data.split_rule import SplitRule
from dnaft.data.store_source import StoreSource
from dnaft.data.table import build_table
from dnaft.data.table_files import TableFiles
from dnaft.data.task import Task
from dnaft.errors import InputError

TASKS = sorted(p.stem for p in Path(config_dir(), "task").glob("[!_]*.yaml"))
MARKS = "h3 h4 h3k9ac h3k14ac h4ac h3k4me1 h3k4me2 h3k4me3 h3k36me3 h3k79me3".split()
FILES = [f"task.source.{split}={split}.csv" for split in SPLITS]
# What a task on files of one's own cannot do without.
NEEDED = {"csv": FILES, "table": FILES, "fasta": FILES}
NEEDED["bed"] = [*FILES, "task.source.genome=genome.fa", "task.source.label_columns=[name]"]


@functools.cache
def node(name: str, *overrides: str) -> dict[str, Any]:
    with initialize_config_dir(config_dir(), version_base="1.3"):
        config = compose(overrides=[f"+task={name}", *overrides])
    whole: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    plain: dict[str, Any] = whole["task"]
    return plain


def task_of(name: str, *overrides: str) -> Task:
    task = build(node(name, *NEEDED.get(name, []), *overrides), "task")
    assert isinstance(task, Task)
    return task


@pytest.mark.parametrize("name", TASKS)
def test_yaml_builds(name: str) -> None:
    task = task_of(name)
    assert task.name == name
    assert task.domain != ""
    if isinstance(task.source, CsvFolder | FastaFolder):
        assert task.source.hub_config


REVISED_MARKS = (
    "h2afz h3k27ac h3k27me3 h3k36me3 h3k4me1 h3k4me2 h3k4me3 h3k9ac h3k9me3 h4k20me1".split()
)
# Marks, factors and enhancers have no direction; genes, transcripts and genomes do.
EITHER_STRAND = {*MARKS, *(f"nt_{mark}" for mark in MARKS), *NEEDED, "nt_enhancers"}
EITHER_STRAND |= {"deepsea", "deepsea_histone"}  # both strands of a window have its labels
EITHER_STRAND |= {f"nt_revised_{name}" for name in (*REVISED_MARKS, "enhancers", "enhancers_types")}
EITHER_STRAND |= {
    "report_enhancers",
    "report_h3",
    "nt_enhancers_types",
    *(f"{kind}_{i}" for kind in ("tf", "mouse") for i in range(5)),
}


def test_labels_that_hold_on_either_strand() -> None:
    assert {name for name in TASKS if not task_of(name).strand_matters} == EITHER_STRAND


def test_all_28_gue_data_sets() -> None:
    folders = {
        task.source.folder
        for task in map(task_of, TASKS)
        if isinstance(task.source, CsvFolder) and task.source.folder.startswith("GUE/")
    }
    assert len(folders) == 28
    assert set(MARKS) < set(TASKS)
    assert task_of("splice").outputs == 3
    assert task_of("covid").outputs == 9


NT_TASKS = """promoter_all promoter_tata promoter_no_tata enhancers enhancers_types
    splice_sites_all splice_sites_acceptors splice_sites_donors""".split()


@pytest.mark.parametrize(("prefix", "marks"), [("nt", MARKS), ("nt_revised", REVISED_MARKS)])
def test_all_18_tasks_of_either_release(prefix: str, marks: list[str]) -> None:
    release = "nucleotide_transformer_downstream_tasks" + prefix.removeprefix("nt")
    for name in (*NT_TASKS, *marks):
        task = task_of(f"{prefix}_{name}")
        assert isinstance(task.source, FastaFolder)
        assert task.source.hub_repo == f"InstaDeepAI/{release}"
        assert task.source.folder == f"{release}/{task.source.hub_config}"
        assert task.source.hub_config.lower() == name
        assert task.outputs == (3 if name in ("enhancers_types", "splice_sites_all") else 1)
    assert len([t for t in TASKS if t.startswith(prefix)]) == 18 * (2 if prefix == "nt" else 1)


@pytest.mark.parametrize("name", TASKS)
def test_yaml_fits_the_shared_files(name: str, shared_dir: Path) -> None:
    task = task_of(name)
    if not isinstance(task.source, CsvFolder):
        pytest.skip("not a folder of csv files")
    folder = shared_dir / "data" / task.source.folder
    present = [split for split in SPLITS if (folder / f"{split}.csv").is_file()]
    if not present:
        pytest.skip(f"no files in {folder}")
    if present == list(SPLITS):
        tables = task.load(str(shared_dir / "data"))
        assert task.rows == {split: len(table) for split, table in tables.items()}
        return
    assert present == ["dev", "test"]
    with pytest.raises(InputError, match=r"has dev\.csv and test\.csv but not train\.csv"):
        task.load(str(shared_dir / "data"))
    classes = 2 if task.kind == "binary" else task.outputs
    for split in present:
        raw = read_csv(folder / f"{split}.csv", "sequence", ["label"])
        table = build_table(raw, task.rules)
        assert task.rows is not None
        assert len(table) == task.rows[split]
        assert {len(s) for s in table.sequences} == {task.length_bp}
        assert set(table.labels.tolist()) == set(range(classes))


def test_yeast_promoter_loads_from_the_package() -> None:
    task = task_of("yeast_promoter")
    assert isinstance(task.source, PackedSource)
    if not (ASSETS / task.source.file).is_file():
        pytest.skip("the packaged data are not built")
    tables = task.load("/nowhere")
    assert task.rows == {split: len(table) for split, table in tables.items()}


def test_deepsea_marks_are_the_last_104_labels() -> None:
    """125 of DNase I and 690 of factors stand in front of them."""
    task = task_of("deepsea_histone")
    assert isinstance(task.source, StoreSource)
    assert task.source.label_range == (125 + 690, 919)
    assert (task.outputs, task_of("deepsea").outputs) == (104, 919)


def test_csv_task_by_overrides(tmp_path: Path) -> None:
    for split in SPLITS:
        (tmp_path / f"{split}.tsv").write_text("dna\ta\tb\nACGT\t0\t1\nGGCC\t1\t1\n")
    files = [f"task.source.{split}={tmp_path}/{split}.tsv" for split in SPLITS]
    task = build(
        node(
            "csv",
            *files,
            "task.kind=multilabel",
            "task.outputs=2",
            "task.source.sequence_column=dna",
            "task.source.label_columns=[a,b]",
        ),
        "task",
    )
    assert task.load("")["dev"].labels.tolist() == [[0, 1], [1, 1]]


@pytest.mark.parametrize(
    ("name", "kind"), [("table", TableFiles), ("fasta", FastaFiles), ("bed", BedFiles)]
)
def test_yaml_says_what_the_class_says(name: str, kind: type[Any]) -> None:
    """Every argument is a key, and its value the default."""
    source = node(name, *NEEDED[name])["source"]
    assert set(source) - {"_target_"} == {field.name for field in fields(kind)}
    given = {"train", "dev", "test", "genome", "label_columns"} if name == "bed" else set(SPLITS)
    built = build(source, "task.source")
    for field in fields(kind):
        if field.name not in given:
            default = SplitRule() if field.name == "split" else field.default
            assert getattr(built, field.name) == default, field.name
    assert set(source["split"]) - {"_target_"} == {field.name for field in fields(SplitRule)}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("task.source.dev=null", "task.source: dev is required"),
        ("task.kind=ranking", "task.kind: got 'ranking'"),
        ("task.outputs=two", "task.outputs: got 'two'"),
        ("task.outputs=3", "task: outputs of a binary task is 1, got 3"),
        ("+task.label=y", "task.label: Task has no such argument"),
        ("+task.source.column=y", "task.source.column: TableFiles has no such argument"),
        ("task.source.split.by=chance", "task.source.split.by: got 'chance'"),
        ("task.source.split.column=x", "task.source.split: column has no part in by=files"),
        ("task.source.split.by=random", "task.source: each split has a file of its own"),
        ("task.case=lower", "task.case: got 'lower'"),
        ("task.ambiguity=n", "task.ambiguity: got 'n'"),
        ("task.uracil=U", "task.uracil: got 'U'"),
        ("task.classes=[a]", "task: classes must be 2 different names, got a"),
        ("task.source.label_columns=y", r"task.source.label_columns: got 'y'"),
    ],
)
def test_wrong_values_name_their_key(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(node("csv", *FILES, override), "task")
