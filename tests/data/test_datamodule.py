"""Batches: content, order, resume, and what is refused."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from dnaft.batch import Batch
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.table_files import TableFiles
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.finetuner import predict
from dnaft.tokenizers.kmer import KmerTokenizer
from small_models import small_backbone

LETTERS = "ACGT"


def dna(number: int, length: int = 12) -> str:
    return "".join(LETTERS[number // 4**i % 4] for i in range(length))


def write(path: Path, rows: list[str]) -> str:
    path.write_text("sequence,label\n" + "".join(f"{row}\n" for row in rows))
    return str(path)


@pytest.fixture
def module(tmp_path: Path) -> Any:
    def make(k: int = 6, **options: Any) -> SequenceDataModule:
        first = {"train": 0, "dev": 100, "test": 200}
        files: dict[str, Any] = {
            split: write(
                tmp_path / f"{split}.csv",
                [f"{dna(i, 12 + i % 5)},{i % 2}" for i in range(n, n + 23)],
            )
            for split, n in first.items()
        }
        names = ("kind", "outputs", "drop_leaks")
        of_task = {name: options.pop(name) for name in names if name in options}
        task = Task(name="mine", source=TableFiles(**files), **({"kind": "binary"} | of_task))
        defaults: dict[str, Any] = {
            "batch_size": 4,
            "data_dir": "",
            "cache_dir": str(tmp_path / "cache"),
        }
        return SequenceDataModule(task, KmerTokenizer(k=k), **(defaults | options))

    return make


def ids(batches: Iterator[Batch]) -> list[list[list[int]]]:
    return [batch.input_ids.tolist() for batch in batches]


@pytest.mark.parametrize("both", [False, True])
def test_rows_are_scored_by_length_and_come_in_the_order_of_the_file(
    module: Any, both: bool
) -> None:
    backbone = small_backbone("bert", {}, "mean")
    backbone.attach_head(1)
    data = module(k=3, eval_batch_size=8, eval_reverse_complement=both)
    ordered, by_length = list(data.in_order("dev")), list(data.val_dataloader())
    widths = [batch.input_ids.shape[1] for batch in by_length]
    assert widths == sorted(widths, reverse=True)
    assert sum(b.input_ids.numel() for b in by_length) < sum(b.input_ids.numel() for b in ordered)
    expected = predict(backbone, ordered)
    order = data.scoring_order("dev")
    found = predict(backbone, data.in_order("dev", order), order)
    assert not torch.equal(predict(backbone, by_length)[1], expected[1])
    assert torch.equal(found[1], expected[1])
    torch.testing.assert_close(found[0], expected[0], rtol=0, atol=1e-6)
    unsorted = module(k=3, eval_batch_size=8, eval_reverse_complement=both, sort_batches=1)
    assert ids(unsorted.val_dataloader()) == ids(ordered)


def test_batches_are_padded_on_the_right(module: Any) -> None:
    data = module()
    (batch, *_) = data.in_order("dev")
    assert batch.input_ids.dtype == batch.attention_mask.dtype == torch.int64
    assert batch.labels.tolist() == [i % 2 for i in range(100, 123)]
    encoded = data.tokenizer.encode(data.tables["dev"].sequences)
    width = max(len(encoded[i]) for i in range(23))
    assert batch.input_ids.shape == (23, width)  # eval_batch_size is 64
    for i in range(23):
        n = len(encoded[i])
        assert batch.input_ids[i, :n].tolist() == encoded[i].tolist()
        assert batch.attention_mask[i].tolist() == [1] * n + [0] * (width - n)
        assert (batch.input_ids[i, n:] == data.tokenizer.pad_id).all()


@pytest.mark.parametrize(
    ("kind", "outputs", "dtype"),
    [
        ("binary", 1, torch.float32),
        ("multiclass", 2, torch.int64),
        ("regression", 1, torch.float32),
        ("multilabel", 1, torch.float32),
    ],
)
def test_label_types(module: Any, kind: str, outputs: int, dtype: torch.dtype) -> None:
    batch = next(iter(module(kind=kind, outputs=outputs).val_dataloader()))
    assert batch.labels.dtype == dtype
    assert batch.labels.shape == ((23, 1) if kind == "multilabel" else (23,))


def test_order_depends_on_seed_and_epoch_only(module: Any) -> None:
    def order(seed: int, epoch: int) -> list[list[list[int]]]:
        loader = module(seed=seed).train_dataloader()
        loader.sampler.set_epoch(epoch)
        torch.rand(3)
        return ids(loader)

    assert order(1, 0) == order(1, 0)
    orders = [order(seed, epoch) for seed in (1, 2) for epoch in (0, 1)]
    assert all(a != b for i, a in enumerate(orders) for b in orders[:i])
    rows = [sorted(str(row) for batch in one for row in batch) for one in orders]
    assert len(rows[0]) == 23


def test_loading_leaves_the_global_random_state_alone(module: Any) -> None:
    data = module()
    before = torch.get_rng_state()
    list(data.train_dataloader())
    list(data.val_dataloader())
    assert torch.equal(before, torch.get_rng_state())


def test_workers_give_the_same_batches(module: Any) -> None:
    assert ids(module(num_workers=2).train_dataloader()) == ids(module().train_dataloader())


class Recorder(LightningModule):
    """Trains one number and notes the batches it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen: list[list[list[int]]] = []

    def training_step(self, batch: Batch, _: int) -> Tensor:
        self.seen.append(batch.input_ids.tolist())
        return (self.weight - batch.labels).square().mean()

    def validation_step(self, batch: Batch, _: int) -> None:
        self.log("dev/sum", batch.labels.sum())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class SaveAt(Callback):
    """Saves a checkpoint after a number of steps."""

    def __init__(self, step: int, path: Path) -> None:
        self.step, self.path = step, path

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.path)


def fit(data: SequenceDataModule, folder: Path, *callbacks: Callback, **options: Any) -> Recorder:
    model = Recorder()
    trainer = Trainer(
        default_root_dir=folder,
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=list(callbacks),
    )
    trainer.fit(model, datamodule=data, **options)
    return model


@pytest.mark.filterwarnings("ignore::UserWarning")  # of Lightning, on workers and intervals
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("step", [1, 4, 6, 9, 12])  # 6 batches an epoch
@pytest.mark.parametrize(
    "options", [{}, {"weighted_sampling": True}, {"reverse_complement": 0.5}], ids=str
)
def test_a_resumed_run_sees_the_batches_that_would_have_come(
    module: Any, tmp_path: Path, step: int, workers: int, options: dict[str, Any]
) -> None:
    checkpoint = tmp_path / "at.ckpt"
    straight = fit(module(**options), tmp_path, SaveAt(step, checkpoint))
    assert len(straight.seen) == 18
    resumed = fit(module(num_workers=workers, **options), tmp_path, ckpt_path=checkpoint)
    assert resumed.seen == straight.seen[step:]
    assert torch.equal(resumed.weight, straight.weight)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_resuming_with_another_batch_size_is_refused(module: Any, tmp_path: Path) -> None:
    checkpoint = tmp_path / "at.ckpt"
    fit(module(), tmp_path, SaveAt(4, checkpoint))
    with pytest.raises(InputError, match="written with 6 batches an epoch, now there are 3"):
        fit(module(batch_size=8), tmp_path, ckpt_path=checkpoint)


def test_classes_drawn_alike(module: Any, tmp_path: Path) -> None:
    """11 of 23 rows are positive; of 3 positives each is read 23 / (2 * 3) times."""
    assert module().summary()["draws_per_row"] is None
    shares = module(weighted_sampling=True).summary()["draws_per_row"]
    assert shares == {"0": pytest.approx(23 / 24), "1": pytest.approx(23 / 22)}
    data = module(weighted_sampling=True)
    write(tmp_path / "train.csv", [f"{dna(i)},{int(i < 3)}" for i in range(23)])
    assert data.summary()["draws_per_row"] == {"0": 23 / 40, "1": pytest.approx(23 / 6)}
    labels = torch.cat([batch.labels for batch in data.train_dataloader()])
    assert len(labels) == 23
    assert int(labels.sum()) in (11, 12)
    (dev,) = data.in_order("dev")
    assert dev.labels.tolist() == [i % 2 for i in range(100, 123)]  # every row once, in order


def test_truncation_is_refused_or_told(module: Any, caplog: pytest.LogCaptureFixture) -> None:
    # 10 tokens hold 13 bp. Lengths are 12 to 16 in turn, of 23 rows 5, 5, 5, 4 and 4 rows: 13 rows
    # are longer than 13 and lose 5 * 1 + 4 * 2 + 4 * 3 = 25 bp.
    with pytest.raises(InputError) as caught:
        module(max_tokens=10).setup()
    message = str(caught.value)
    assert "train 13 of 23 sequences lose 25 bp (at most 3 bp each)" in message
    assert "test 13 of 23 sequences lose 25 bp (at most 3 bp each)" in message
    assert "data.long_input=windows" in message
    assert "data.long_input=cut" in message
    data = module(max_tokens=10, long_input="cut")
    with caplog.at_level(logging.WARNING):
        data.setup()
    assert "train 13 of 23 sequences lose 25 bp" in caplog.text
    assert data.summary()["truncation"]["train"]["lost_bp"] == 25
    assert data.summary()["windows"]["train"]["windows"] == 0
    assert max(batch.input_ids.shape[1] for batch in data.train_dataloader()) == 10


def test_leaks_are_counted_told_and_dropped(
    module: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = module()
    files: dict[str, Any] = {s: str(tmp_path / f"{s}.csv") for s in ("train", "dev", "test")}
    # AAACCCGGGA is in dev with another label, TTTTTTTTTT is the other strand of a test row.
    write(tmp_path / "train.csv", ["AAACCCGGGA,0", "TTTTTTTTTT,1", "ACGTTGCAAC,0", "ACCACCACCA,1"])
    write(tmp_path / "dev.csv", ["AAACCCGGGA,1", "CCCCCCCCCC,0"])
    write(tmp_path / "test.csv", ["AAAAAAAAAA,1", "GTGTGTGTGA,0"])
    for drop in (False, True):
        kept.task = Task("mine", "binary", TableFiles(**files), drop_leaks=drop)
        data = SequenceDataModule(kept.task, kept.tokenizer, "", kept.cache_dir)
        with caplog.at_level(logging.WARNING):
            data.setup()
        leaks = data.summary()["leaks"]
        assert leaks["train/dev"] == {
            "exact": 1,
            "exact_distinct": 1,
            "rc": 0,
            "label_differs": 1,
            "rows": 2,
        }
        assert leaks["train/test"]["rc"] == 1
        assert data.summary()["train_rows"] == len(data.tables["train"]) == (2 if drop else 4)
    assert "dev: the sequences of 1 of 2 rows are in train" in caplog.text
    assert "2 rows found in dev or test are removed" in caplog.text


def test_train_inside_test_leaves_nothing(module: Any, tmp_path: Path) -> None:
    data = module(drop_leaks=True)
    for split in ("train", "dev", "test"):
        write(tmp_path / f"{split}.csv", ["AAACCCGGGA,0", "TTTTTTTTTT,1"])
    with pytest.raises(InputError, match="all training rows are in dev or test"):
        data.setup()


def test_summary(module: Any) -> None:
    data = module()
    data.prepare_data()
    data.setup("fit")
    summary = data.summary()
    assert summary["counts"]["train"]["rows"] == 23
    assert summary["counts"]["train"]["length_bp_min"] == 12
    assert summary["counts"]["train"]["length_bp_max"] == 16
    assert summary["tokens"]["train"] == {"min": 9, "mean": pytest.approx(10.87), "max": 13}
    assert set(summary["checksums"]) == {"train", "dev", "test"}
    assert all(len(file["sha256"]) == 64 for file in summary["checksums"].values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be 1 or more, got 0"),
        ({"eval_batch_size": -1}, "eval_batch_size must be 1 or more, got -1"),
        ({"num_workers": -1}, "num_workers must be 0 or more, got -1"),
        ({"max_tokens": 0}, "max_tokens must be 1 or more, got 0"),
        ({"long_input": "warn"}, "long_input must be error or windows or cut, got 'warn'"),
        (
            {"weighted_sampling": True, "kind": "regression"},
            "weighted_sampling draws classes alike, and task mine is a regression task",
        ),
        ({"window_overlap_fraction": 1.0}, r"overlap_fraction must lie in \[0, 1\), got 1.0"),
        ({"window_overlap_fraction": -0.1}, r"overlap_fraction must lie in \[0, 1\), got -0.1"),
    ],
)
def test_refused_arguments(module: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        module(**options)


def test_long_rows_in_windows(module: Any, caplog: pytest.LogCaptureFixture) -> None:
    # 10 tokens hold 13 bp: 13 of 23 rows have 14 to 16 bp, two windows each, their first and their
    # last 13 bp.
    data = module(max_tokens=10, long_input="windows")
    with caplog.at_level(logging.INFO):
        summary = data.summary()
    assert "train 13 of 23 sequences are read in 26 windows (at most 2 each)" in caplog.text
    assert summary["windows"]["dev"] == {
        "sequences": 13,
        "rows": 23,
        "windows": 26,
        "most_windows": 2,
    }
    assert summary["truncation"]["dev"]["sequences"] == 0
    (batch,) = data.in_order("dev")
    sequences = data.tables["dev"].sequences
    pieces = [[s[:13], s[-13:]] if len(s) > 13 else [s] for s in sequences]
    assert batch.windows.tolist() == [len(of_row) for of_row in pieces]
    assert batch.labels.tolist() == [i % 2 for i in range(100, 123)]
    expected = data.tokenizer.encode([piece for of_row in pieces for piece in of_row])
    assert batch.input_ids.shape == batch.attention_mask.shape == (36, 10)
    for i, row in enumerate(expected):
        assert batch.input_ids[i, : len(row)].tolist() == row.tolist()
        assert batch.attention_mask[i].sum() == len(row)


def test_without_long_rows_windows_change_nothing(module: Any) -> None:
    plain, windowed = module(), module(max_tokens=13, long_input="windows")
    for one, other in zip(plain.train_dataloader(), windowed.train_dataloader(), strict=True):
        assert other.windows is None
        assert torch.equal(one.input_ids, other.input_ids)
        assert torch.equal(one.labels, other.labels)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_run_in_windows_is_resumed_by_rows(module: Any, tmp_path: Path) -> None:
    checkpoint = tmp_path / "at.ckpt"
    options: dict[str, Any] = {"max_tokens": 10, "long_input": "windows"}
    straight = fit(module(**options), tmp_path, SaveAt(4, checkpoint))
    assert len(straight.seen) == 18
    resumed = fit(module(**options), tmp_path, ckpt_path=checkpoint)
    assert resumed.seen == straight.seen[4:]
