"""Rows of a store give the batches that the same rows give in memory, and stay on disk."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from deepsea_files import Rows, write_published
from dnaft.batch import Batch
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.loader import Collate
from dnaft.data.permutation import Permutation
from dnaft.data.store_source import StoreSource
from dnaft.data.stream import StreamSampler
from dnaft.data.table_files import TableFiles
from dnaft.data.task import Task
from dnaft.data_tools import prepare
from dnaft.errors import InputError
from dnaft.losses import LossSettings
from dnaft.tokenizers.character import CharacterTokenizer
from dnaft.tokenizers.kmer import KmerTokenizer
from dnaft.tokenizers.nonoverlapping import NonOverlappingTokenizer

MARKS = (815, 919)
TOKENIZERS = {
    "kmer": KmerTokenizer(k=6),
    "character": CharacterTokenizer(),
    "nonoverlapping": NonOverlappingTokenizer(version="v2"),  # an N makes rows longer
}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Rows]:
    folder = tmp_path_factory.mktemp("data")
    rows = write_published(folder, windows=9, hdf5=False)
    prepare.main(["deepsea", f"src={folder}", f"out={folder / 'deepsea'}"])
    return str(folder), rows


def marks(**options: Any) -> Task:
    source = StoreSource("deepsea", "deepsea", MARKS)
    settings: dict[str, Any] = {"kind": "multilabel", "outputs": 104, "length_bp": 1000}
    return Task(name="marks", **({"source": source} | settings | options))


@pytest.fixture
def streamed(data_dir: tuple[str, Rows], tmp_path: Path) -> Any:
    def make(tokenizer: str = "kmer", **options: Any) -> SequenceDataModule:
        defaults = {"batch_size": 4, "eval_batch_size": 6, "cache_dir": str(tmp_path / "cache")}
        return SequenceDataModule(
            marks(), TOKENIZERS[tokenizer], data_dir[0], **(defaults | options)
        )

    return make


@pytest.fixture
def in_memory(data_dir: tuple[str, Rows], tmp_path: Path) -> Any:
    """The same rows from csv files, by the path that every other task takes."""

    def make(tokenizer: str = "kmer", **options: Any) -> SequenceDataModule:
        names = tuple(f"mark{i}" for i in range(104))
        files: dict[str, Any] = {}
        for split, (sequences, labels) in data_dir[1].items():
            lines = [",".join(("sequence", *names))]
            for sequence, flags in zip(sequences, labels[:, slice(*MARKS)], strict=True):
                lines.append(",".join((sequence, *map(str, flags))))
            files[split] = str(tmp_path / f"{split}.csv")
            Path(files[split]).write_text("\n".join(lines))
        task = marks(source=TableFiles(**files, label_columns=names))
        defaults = {"batch_size": 4, "eval_batch_size": 6, "cache_dir": str(tmp_path / "cache")}
        return SequenceDataModule(task, TOKENIZERS[tokenizer], "", **(defaults | options))

    return make


def same(found: Batch, expected: Batch) -> None:
    for field, value in expected._asdict().items():
        other = getattr(found, field)
        if isinstance(value, torch.Tensor):
            assert other.dtype == value.dtype
            assert torch.equal(other, value), field
        else:
            assert other == value, field


LONG = [
    {},
    {"max_tokens": 700, "long_input": "cut"},
    {"max_tokens": 400, "long_input": "windows"},
    {"eval_reverse_complement": True},
    {"eval_reverse_complement": True, "max_tokens": 170, "long_input": "windows"},
]


@pytest.mark.parametrize("tokenizer", list(TOKENIZERS))
@pytest.mark.parametrize("options", LONG, ids=str)
def test_batches_and_counts_are_those_of_rows_in_memory(
    data_dir: tuple[str, Rows],
    streamed: Any,
    in_memory: Any,
    tokenizer: str,
    options: dict[str, Any],
) -> None:
    ours, theirs = streamed(tokenizer, **options), in_memory(tokenizer, **options)
    for loader in ("val_dataloader", "test_dataloader"):
        pairs = zip(getattr(ours, loader)(), getattr(theirs, loader)(), strict=True)
        for found, expected in pairs:
            same(found, expected)
    found, expected = ours.summary(), theirs.summary()
    keys = ("tokens", "max_tokens", "truncation", "windows", "other_strand", "train_rows")
    assert {key: found[key] for key in keys} == {key: expected[key] for key in keys}
    for split, counts in expected["counts"].items():
        shared = counts.keys() & found["counts"][split].keys()
        assert shared == {"rows", "length_bp_min", "length_bp_max", "labels", "gc"}
        for key in shared - {"gc"}:
            assert found["counts"][split][key] == counts[key]
        bases = [b for s in data_dir[1][split][0] for b in s if b != "N"]
        # Of a store it is over all bases, in memory a mean of rows.
        share = sum(b in "GC" for b in bases) / len(bases)
        assert found["counts"][split]["gc"]["all"] == pytest.approx(share, abs=1e-6)
        assert counts["gc"]["all"] == pytest.approx(share, abs=1e-4)


def rows_of(loader: Any) -> list[str]:
    return [str(ids) for batch in loader for ids in batch.input_ids.tolist()]


def test_an_epoch_reads_every_row_once(streamed: Any, in_memory: Any) -> None:
    given = rows_of(in_memory().train_dataloader())
    loader = streamed().train_dataloader()
    orders = []
    for epoch in (0, 1, 0):
        loader.sampler.set_epoch(epoch)
        orders.append(rows_of(loader))
        assert sorted(orders[-1]) == sorted(given)
    assert orders[0] == orders[2]
    assert orders[0] != orders[1]
    assert rows_of(streamed(seed=2).train_dataloader()) != orders[0]
    assert rows_of(streamed(num_workers=2).train_dataloader()) == orders[0]


def test_labels_stay_with_their_rows(streamed: Any, data_dir: tuple[str, Rows]) -> None:
    sequences, labels = data_dir[1]["train"]
    tokenizer = TOKENIZERS["character"]
    ids = [str(tokenizer.encode([s])[0].tolist()) for s in sequences]
    for batch in streamed("character").train_dataloader():
        for line, flags in zip(batch.input_ids.tolist(), batch.labels, strict=True):
            expected = labels[ids.index(str(line)), slice(*MARKS)]
            assert flags.tolist() == expected.tolist()


def test_the_other_strand_is_drawn_anew_each_epoch(streamed: Any) -> None:
    data = streamed(reverse_complement=0.5)
    given = set(rows_of(streamed().train_dataloader()))  # holds both strands of every window
    sampler = data.train_dataloader().sampler
    drawn = []
    for epoch in range(40):
        sampler.set_epoch(epoch)
        indices = np.array(list(sampler))
        assert sorted(indices % 18) == list(range(18))
        drawn.append(indices >= 18)
    assert 0.4 < np.mean(drawn) < 0.6
    assert set(rows_of(data.train_dataloader())) <= given


def test_a_resumed_epoch_goes_on_with_the_next_batch(streamed: Any) -> None:
    options = {"reverse_complement": 0.5, "batch_size": 3}
    first, straight = (streamed(**options).train_dataloader() for _ in range(2))
    batches = iter(first)
    for _ in range(2):
        next(batches)
    resumed = streamed(num_workers=2, **options).train_dataloader()
    resumed.load_state_dict(first.state_dict())
    for found, expected in zip(resumed, list(straight)[2:], strict=True):
        same(found, expected)


def test_rows_of_an_epoch_are_read_once_on_either_strand(streamed: Any) -> None:
    rows = streamed(reverse_complement=0.5)._in_file_order("train")
    drawn = list(StreamSampler(rows, 1, 2, 3, 0.5))
    assert sorted(i % 18 for i in drawn) == list(range(18))
    assert 2 < sum(i >= 18 for i in drawn) < 16


def test_rows_of_like_length_share_a_batch(streamed: Any) -> None:
    """With non-overlapping 6-mers the two rows with N have more tokens than the others."""
    options = {"batch_size": 2, "sort_batches": 50}
    together = list(streamed("nonoverlapping", **options).train_dataloader())
    assert sorted({batch.input_ids.shape[1] for batch in together}) == [171, 181]  # by pencil
    assert all(bool(batch.attention_mask.all()) for batch in together)
    options["sort_batches"] = 1
    as_drawn = list(streamed("nonoverlapping", **options).train_dataloader())
    assert not all(bool(batch.attention_mask.all()) for batch in as_drawn)


def test_no_file_stays_mapped(streamed: Any, data_dir: tuple[str, Rows]) -> None:
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("no /proc")
    loader = streamed().train_dataloader()
    for _ in loader:
        assert data_dir[0] not in maps.read_text()


def test_a_data_set_is_small_to_send(streamed: Any) -> None:
    rows = streamed()._in_file_order("train")
    again = pickle.loads(pickle.dumps(rows))
    assert torch.equal(*(Collate(0)(data[3]).input_ids for data in (again, rows)))
    assert len(pickle.dumps(rows)) < 100_000


def test_counts_are_kept_for_the_next_run(streamed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = streamed().summary()
    monkeypatch.setattr("dnaft.data.stored_table.StoredTable.blocks", None)
    assert streamed().summary() == before
    with pytest.raises(TypeError):  # another limit counts anew
        streamed(max_tokens=996).summary()


def test_balanced_weights_from_counts(streamed: Any, data_dir: tuple[str, Rows]) -> None:
    labels = data_dir[1]["train"][1][:, slice(*MARKS)]
    loss = LossSettings(class_weights="balanced")
    weights = loss.build("multilabel", 104, streamed().train_labels).class_weights
    varied = [j for j in range(104) if 0 < labels[:, j].sum() < len(labels)]
    assert len(varied) > 50
    for j in varied[::13]:
        w0, w1 = compute_class_weight("balanced", classes=np.array([0, 1]), y=labels[:, j])
        assert weights[j] == pytest.approx(w1 / w0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": {"train": 4_400_000}}, r"18 rows for train, task.rows.train says 4,400,000"),
        ({"length_bp": 200}, "1000 bp, task.length_bp says 200"),
        ({"drop_leaks": True}, "task.drop_leaks=true compares all rows in memory"),
        ({"alphabet": "ACGT"}, r"2 rows hold unknown bases, N, which task.alphabet=ACGT lacks"),
        ({"outputs": 103}, "labels 815 to 918 of 919 are to be 103"),
        (
            {"source": StoreSource("deepsea", "deepsea", (815, 920)), "outputs": 105},
            "labels 815 to 919 of 919 are to be 105",
        ),
        ({"kind": "binary", "outputs": 1}, "a store has yes/no labels and task.kind is binary"),
        (
            {"source": StoreSource("other", "deepsea")},
            r"no store in .*other. Make it .* prepare deepsea src=FOLDER out=.*other",
        ),
        ({"source": StoreSource("deepsea", "basset")}, "a store of deepsea, task.source.coll"),
    ],
    ids=str,
)
def test_what_is_refused(
    options: dict[str, Any], message: str, data_dir: tuple[str, Rows], tmp_path: Path
) -> None:
    data = SequenceDataModule(
        marks(**options), TOKENIZERS["kmer"], data_dir[0], cache_dir=str(tmp_path)
    )
    with pytest.raises(InputError, match=message):
        data.setup()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "train.bases").unlink(), r"train\.bases: missing or not 4,500 bytes"),
        (lambda f: (f / "dev.labels").write_bytes(b"x"), r"dev\.labels: missing or not"),
        (lambda f: (f / "manifest.json").write_text("{"), "damaged"),
        (lambda f: (f / "manifest.json").write_text('{"format": "x"}'), "format 'x' instead of"),
        (lambda f: (f / "manifest.json").write_text("[]"), "damaged"),
    ],
)
def test_a_damaged_store(
    damage: Any, message: str, data_dir: tuple[str, Rows], tmp_path: Path
) -> None:
    (tmp_path / "deepsea").mkdir()
    for file in Path(data_dir[0], "deepsea").iterdir():
        (tmp_path / "deepsea" / file.name).write_bytes(file.read_bytes())
    damage(tmp_path / "deepsea")
    with pytest.raises(InputError, match=message):
        marks().source.load(marks().rules, str(tmp_path))


def test_tables_in_memory_are_whole_or_refused(
    data_dir: tuple[str, Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = marks().load(data_dir[0])
    assert tables["test"].sequences == data_dir[1]["test"][0]
    monkeypatch.setattr("dnaft.data.stored_table.MOST_BYTES", 10_000)
    with pytest.raises(InputError, match=r"18 rows would take 0 GiB, and what was asked for"):
        marks().load(data_dir[0])


def test_rows_over_the_limit_are_refused_before_training(streamed: Any) -> None:
    with pytest.raises(InputError, match=r"train 18 of 18 sequences lose .* data.long_input="):
        streamed(max_tokens=300).setup()


@given(count=st.integers(1, 3000), seed=st.integers(0, 5))
def test_a_permutation_holds_every_number_once(count: int, seed: int) -> None:
    found = Permutation(count, seed)(np.arange(count))
    assert sorted(found.tolist()) == list(range(count))


def test_a_permutation_looks_drawn_by_chance() -> None:
    """Counts of (tenth of the places, tenth of the numbers), chi squared against equal ones."""
    from scipy.stats import chi2, kendalltau

    count = 40_000
    for seed in range(5):
        numbers = Permutation(count, seed)(np.arange(count))
        cells = np.histogram2d(np.arange(count), numbers, bins=10)[0]
        statistic = ((cells - count / 100) ** 2 / (count / 100)).sum()
        assert statistic < chi2.isf(1e-6, 81)
        assert kendalltau(np.arange(count), numbers).pvalue > 1e-6
        neighbours = np.abs(np.diff(numbers)) == 1
        assert neighbours.sum() < 20  # two by chance
    assert (Permutation(count, 0)(np.arange(9)) != Permutation(count, 1)(np.arange(9))).any()


def test_a_permutation_of_billions_needs_no_memory() -> None:
    numbers = Permutation(3_000_000_000, 1)(np.arange(1000))
    assert len(set(numbers.tolist())) == 1000
    assert numbers.max() < 3_000_000_000
    assert numbers.max() > 2_900_000_000
