"""From a task to batches."""

from typing import Any

import numpy as np
import torch
from lightning import LightningDataModule
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from dnaft.data.loader import Collate, ResumableLoader, Row, TokenDataset
from dnaft.data.long_input import CHOICES, LongInput, account_for_long_rows
from dnaft.data.sampler import EpochSampler, draws_per_row
from dnaft.data.splits import load_splits
from dnaft.data.table import SequenceTable
from dnaft.data.task import Task
from dnaft.data.tokens import TokenRows, tokenise
from dnaft.tokenizers.base import Tokenizer


class SequenceDataModule(LightningDataModule):
    """Reads a task's tables, checks them, encodes them once and hands out batches."""

    def __init__(
        self,
        task: Task,
        tokenizer: Tokenizer,
        data_dir: str,
        cache_dir: str,
        max_tokens: int | None = None,
        batch_size: int = 32,
        eval_batch_size: int = 64,
        long_input: LongInput = "error",
        window_overlap_fraction: float = 0.1,
        sort_batches: int = 50,
        weighted_sampling: bool = False,
        num_workers: int = 0,
        seed: int = 1,
    ) -> None:
        """Choose data and batches; nothing is read yet.

        Args:
            task: What is learned, from which data.
            tokenizer: Encodes the sequences.
            data_dir: The folder with the benchmarks.
            cache_dir: Where encoded splits are kept.
            max_tokens: The most tokens the model takes; none if it has no limit.
            batch_size: Rows a training batch, each with all its windows.
            eval_batch_size: Rows a batch of dev and test.
            long_input: What becomes of rows over `max_tokens`. `error` refuses them; `windows`
                reads them in overlapping windows, whose vectors are averaged; `cut` cuts their
                3' ends and says how much is lost.
            window_overlap_fraction: Share of a window's bases that the next one reads again.
            sort_batches: Training batches whose rows are sorted by length together, so that there
                is less padding; 1 leaves them as drawn. Rows of one length stay as drawn anyhow.
            weighted_sampling: Draw the training rows of an epoch with replacement, equally many of
                each class; as many in all as there are.
            num_workers: Processes that prepare batches.
            seed: Decides the order of the training rows.

        Raises:
            ValueError: If a number is out of range, or the task has no classes to draw alike.
        """
        super().__init__()
        for name, value, least in (
            ("batch_size", batch_size, 1),
            ("eval_batch_size", eval_batch_size, 1),
            ("sort_batches", sort_batches, 1),
            ("num_workers", num_workers, 0),
            ("seed", seed, 0),
        ):
            if value < least:
                raise ValueError(f"{name} must be {least} or more, got {value}")
        if max_tokens is not None and max_tokens < 1:
            raise ValueError(f"max_tokens must be 1 or more, got {max_tokens}")
        if long_input not in CHOICES:
            raise ValueError(f"long_input must be {' or '.join(CHOICES)}, got {long_input!r}")
        if not 0 <= window_overlap_fraction < 1:
            raise ValueError(
                f"window_overlap_fraction must lie in [0, 1), got {window_overlap_fraction}"
            )
        if weighted_sampling and task.kind not in ("binary", "multiclass"):
            raise ValueError(
                f"weighted_sampling draws classes alike, and task {task.name} is a {task.kind} "
                "task, whose rows have none; leave it out"
            )
        self.task = task
        self.tokenizer = tokenizer
        self.data_dir = data_dir
        self.cache_dir = cache_dir
        self.max_tokens = max_tokens
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.long_input: LongInput = long_input
        self.window_overlap_fraction = window_overlap_fraction
        self.sort_batches = sort_batches
        self.weighted_sampling = weighted_sampling
        self.num_workers = num_workers
        self.seed = seed
        self._tables: dict[str, SequenceTable] = {}
        self._tokens: dict[str, TokenRows] = {}
        self._summary: dict[str, Any] = {}

    @property
    def tables(self) -> dict[str, SequenceTable]:
        """The splits train, dev and test, leaks removed from train if the task says so."""
        self.setup()
        return self._tables

    @property
    def tokens(self) -> dict[str, TokenRows]:
        """The encoded splits."""
        self.setup()
        return self._tokens

    def summary(self) -> dict[str, Any]:
        """Return counts, checksums, leaks, what was windowed, cut, drawn, for result.json."""
        self.setup()
        return self._summary

    def prepare_data(self) -> None:
        """Fetch and encode, in one process, what `setup` then reads in all."""
        self.setup()

    def setup(self, stage: str | None = None) -> None:
        """Read, check and encode all splits; a second call does nothing.

        Raises:
            InputError: If data are missing or wrong, or would be cut and may not.
        """
        if self._summary:
            return
        splits = load_splits(self.task, self.data_dir)
        overlap = self.window_overlap_fraction if self.long_input == "windows" else None
        tokens = {
            split: tokenise(table, self.tokenizer, self.max_tokens, self.cache_dir, overlap)
            for split, table in splits.tables.items()
        }
        long_rows = account_for_long_rows(
            self.task.name, splits, tokens, self.max_tokens, self.long_input
        )
        self._tables, self._tokens = splits.tables, tokens
        self._summary = {
            **splits.summary,
            "tokens": {s: _token_lengths(t) for s, t in tokens.items()},
            "max_tokens": self.max_tokens,
            **long_rows,
        }
        classes = self._classes()
        self._summary["draws_per_row"] = None if classes is None else draws_per_row(classes)

    def train_dataloader(self) -> DataLoader[Row]:
        """Return training batches; the order depends on seed and epoch only."""
        dataset = self._dataset("train")
        return ResumableLoader(
            dataset,
            batch_size=self.batch_size,
            sampler=EpochSampler(
                dataset,
                self.seed,
                *self._processes(),
                self.batch_size,
                self.sort_batches,
                self._classes(),
            ),
            **self._loader_options(),
        )

    def val_dataloader(self) -> DataLoader[Row]:
        """Return the batches of dev, in the order of the file."""
        return self._eval_dataloader("dev")

    def test_dataloader(self) -> DataLoader[Row]:
        """Return the batches of test, in the order of the file."""
        return self._eval_dataloader("test")

    def _eval_dataloader(self, split: str) -> DataLoader[Row]:
        return DataLoader(
            self._dataset(split), batch_size=self.eval_batch_size, **self._loader_options()
        )

    def _dataset(self, split: str) -> TokenDataset:
        return TokenDataset(self.tokens[split], self._labels(split))

    def _labels(self, split: str) -> Tensor:
        labels = torch.from_numpy(self.tables[split].labels)
        return labels if self.task.kind == "multiclass" else labels.float()

    def _classes(self) -> NDArray[np.int64] | None:
        """Return the class of each training row if classes are drawn alike."""
        return self._tables["train"].labels.astype(np.int64) if self.weighted_sampling else None

    def _processes(self) -> tuple[int, int]:
        """Return the number of processes and which one this is."""
        if self.trainer is None:
            return 1, 0
        return self.trainer.world_size, self.trainer.global_rank

    def _loader_options(self) -> dict[str, Any]:
        return {
            "collate_fn": Collate(self.tokenizer.pad_id),
            "num_workers": self.num_workers,
            "pin_memory": torch.cuda.is_available(),
            # Without its own generator a loader draws from the global one, which dropout uses.
            "generator": torch.Generator().manual_seed(self.seed),
        }


def _token_lengths(tokens: TokenRows) -> dict[str, float]:
    lengths = tokens.lengths()
    return {
        "min": int(lengths.min()),
        "mean": round(float(lengths.mean()), 3),
        "max": int(lengths.max()),
    }
