"""From a task to batches."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from lightning import LightningDataModule
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, DistributedSampler

from dnaft.data.encoded_splits import EncodedSplits, Encoding, encode_splits
from dnaft.data.loader import (
    BothStrands,
    Collate,
    CollateStrands,
    ResumableLoader,
    Rows,
    TokenDataset,
)
from dnaft.data.long_input import LongInput
from dnaft.data.sampler import EpochSampler, draws_per_row
from dnaft.data.shares import EvalShares, TrainShares
from dnaft.data.states import StateRows
from dnaft.data.store_source import StoreSource
from dnaft.data.stored_table import StoredTables
from dnaft.data.stream import StreamDataset, StreamSampler
from dnaft.data.streamed_splits import StreamedSplits, stream_splits
from dnaft.data.table import SequenceTable
from dnaft.data.targets import Targets
from dnaft.data.task import Task
from dnaft.data.tokens import TokenRows
from dnaft.losses import CountedLabels
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
        reverse_complement: float = 0.0,
        eval_reverse_complement: bool = False,
        num_workers: int = 0,
        seed: int = 1,
        train_in_order: bool = False,
    ) -> None:
        """Choose data and batches; nothing is read yet.

        Args:
            task: What is learned, from which data.
            tokenizer: Encodes the sequences.
            data_dir: The folder with the benchmarks.
            cache_dir: Where encoded splits are kept.
            max_tokens: The most tokens the model takes; none if it has no limit.
            batch_size: Rows a training batch, each with all its windows; of all processes together.
            eval_batch_size: Rows a batch of dev and test; of rows on both strands half as many.
            long_input: What becomes of rows over `max_tokens`. `error` refuses them; `windows`
                reads them in overlapping windows, whose vectors are averaged; `cut` cuts their
                3' ends and says how much is lost.
            window_overlap_fraction: Share of a window's bases that the next one reads again.
            sort_batches: Training batches whose rows are sorted by length together, so that there
                is less padding; 1 leaves them as drawn, and dev and test, which are otherwise
                scored by length, in the order of the file. Rows of one length stay as they are.
            weighted_sampling: Draw the training rows of an epoch with replacement, equally many of
                each class; as many in all as there are.
            reverse_complement: Probability that a training row is read as its reverse complement,
                drawn anew in each epoch.
            eval_reverse_complement: Read each row of dev and test on both strands; their logits
                are averaged.
            num_workers: Processes that prepare batches.
            seed: Decides the order of the training rows and their strands.
            train_in_order: Train is read as dev and test are, too (`in_order`).

        Raises:
            ValueError: If a number is out of range, the task has no classes to draw alike, or its
                labels hold on one strand only.
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
        if not 0 <= reverse_complement <= 1:
            raise ValueError(f"reverse_complement must lie in [0, 1], got {reverse_complement}")
        if weighted_sampling and task.kind not in ("binary", "multiclass"):
            raise ValueError(
                f"weighted_sampling draws classes alike, and task {task.name} is a {task.kind} "
                "task, whose rows have none; leave it out"
            )
        if task.strand_matters and (reverse_complement or eval_reverse_complement):
            name = "reverse_complement" if reverse_complement else "eval_reverse_complement"
            raise ValueError(
                f"{name}: task {task.name} says task.strand_matters=true: its labels hold for the "
                "strand that is given, and a reverse complement is another row. Leave it out; "
                "task.strand_matters=false if you know better"
            )
        self.task = task
        self.tokenizer = tokenizer
        self.data_dir = data_dir
        self.cache_dir = cache_dir
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.sort_batches = sort_batches
        self.weighted_sampling = weighted_sampling
        self.reverse_complement = reverse_complement
        self.eval_reverse_complement = eval_reverse_complement
        self.num_workers = num_workers
        self.seed = seed
        self.train_in_order = train_in_order
        # The split that validation reads while a model is trained.
        self.watched = "dev"
        self.encoding = Encoding(
            tokenizer, cache_dir, max_tokens, long_input, window_overlap_fraction
        )
        self._splits: EncodedSplits | StreamedSplits | None = None
        # What the frozen part of the model makes of `views`, by split, if that was computed.
        self.states: dict[str, list[StateRows]] = {}

    @property
    def splits(self) -> EncodedSplits | StreamedSplits:
        """The splits, read and encoded when they are first wanted; those of a store stay there.

        Raises:
            InputError: If data are missing or wrong, or would be cut and may not.
        """
        if self._splits is None:
            evaluated = self.eval_reverse_complement
            train = self.reverse_complement > 0 or (self.train_in_order and evaluated)
            both = (["train"] if train else []) + (["dev", "test"] if evaluated else [])
            source, how = self.task.source, (self.data_dir, self.encoding, both)
            if isinstance(source, StoreSource):
                self._splits = stream_splits(self.task, source, *how)
            else:
                self._splits = encode_splits(self.task, *how)
        return self._splits

    @property
    def tables(self) -> Mapping[str, SequenceTable]:
        """The splits train, dev and test, leaks removed from train if the task says so.

        Those of a store are read whole each time one is asked for, and refused if they are large.
        """
        splits = self.splits
        return splits.tables if isinstance(splits, EncodedSplits) else StoredTables(splits.tables)

    @property
    def tokens(self) -> dict[str, TokenRows]:
        """The encoded splits; none of a store, whose rows are encoded a batch at a time."""
        splits = self.splits
        return splits.tokens if isinstance(splits, EncodedSplits) else {}

    @property
    def targets(self) -> Targets | None:
        """Targets of a regression as the file has them, if they are trained otherwise."""
        splits = self.splits
        return splits.targets if isinstance(splits, EncodedSplits) else None

    @property
    def train_labels(self) -> NDArray[np.generic] | CountedLabels:
        """The labels of the training rows; of a store their counts."""
        splits = self.splits
        if isinstance(splits, EncodedSplits):
            return splits.tables["train"].labels
        return splits.tables["train"].counted_labels()

    def summary(self) -> dict[str, Any]:
        """Return counts, checksums, leaks, what was windowed, cut, drawn, for result.json."""
        classes = self._classes()
        draws = None if classes is None else draws_per_row(classes)
        return {**self.splits.summary, "draws_per_row": draws}

    def prepare_data(self) -> None:
        """Fetch and encode, in one process, what `setup` then reads in all."""
        self.setup()

    def setup(self, stage: str | None = None) -> None:
        """Read, check and encode all splits; a second call does nothing.

        Raises:
            InputError: If data are missing or wrong, or would be cut and may not.
        """
        _ = self.splits

    def train_dataloader(self) -> DataLoader[Any]:
        """Return training batches; rows, order and views depend on seed and epoch only.

        Of several processes each gets its share of every batch (`TrainShares`).
        """
        splits = self.splits
        order = (self.seed, self.batch_size, self.sort_batches)
        dataset: TokenDataset | StreamDataset
        sampler: DistributedSampler[Rows]
        if isinstance(splits, StreamedSplits):
            dataset = splits.datasets["train"]
            sampler = StreamSampler(dataset, *order, self.reverse_complement)
        else:
            dataset = self._dataset("train", self.views("train"))
            shifts = max(1, len(splits.shifted))
            sampler = EpochSampler(
                dataset, *order, self._classes(), self.reverse_complement, shifts
            )
        processes, rank = self._processes()
        batches: dict[str, Any] = {"batch_size": self.batch_size, "sampler": sampler}
        if processes > 1:
            batches = {"batch_sampler": TrainShares(sampler, self.batch_size, processes, rank)}
        collate: Any = Collate(self.tokenizer.pad_id)  # torch's types know lists alone
        return ResumableLoader(
            dataset,
            collate_fn=collate,
            **batches,
            **self._loader_options(),
        )

    def views(self, split: str) -> list[TokenRows]:
        """Return a split as it is read: on both strands or one, train at all shifts of its windows.

        None of a store, whose rows are encoded a batch at a time.
        """
        splits = self.splits
        if isinstance(splits, StreamedSplits):
            return []
        if split == "train" and splits.shifted:
            return [*splits.shifted, *splits.shifted_other]
        return self._strands(splits, split)

    def views_in_order(self, split: str) -> list[TokenRows]:
        """Return a split as `in_order` reads it: on both strands or one; none of a store."""
        splits = self.splits
        return [] if isinstance(splits, StreamedSplits) else self._strands(splits, split)

    def val_dataloader(self) -> DataLoader[Any]:
        """Return the batches of the split that is watched, dev, as they are scored."""
        return self.in_order(self.watched, self.scoring_order(self.watched))

    def test_dataloader(self) -> DataLoader[Any]:
        """Return the batches of test, in the order of the file."""
        return self.in_order("test")

    def in_order(self, split: str, order: NDArray[np.int64] | None = None) -> DataLoader[Any]:
        """Return the batches of a split in the order of the file, or in another one.

        Of several processes each gets every n-th batch (`EvalShares`).

        Args:
            split: dev or test; or train, if it is to be read so (`train_in_order`).
            order: Its rows, as they are to be read; None for the order of the file.

        Raises:
            InputError: If there are fewer rows than processes.
        """
        rows = self._in_file_order(split)
        order = np.arange(len(rows)) if order is None else order
        both = self.eval_reverse_complement
        size = max(1, self.eval_batch_size // 2) if both else self.eval_batch_size
        collate: Any = CollateStrands if both else Collate
        return DataLoader(
            BothStrands(rows) if both else rows,
            collate_fn=collate(self.tokenizer.pad_id),
            batch_sampler=EvalShares(split, order, size, *self._processes()),
            **self._loader_options(),
        )

    def scoring_order(self, split: str) -> NDArray[np.int64] | None:
        """Return the rows of a split as they are scored: the longest first, for less padding.

        None, the order of the file, of a store and with `sort_batches=1`.
        """
        views = self.views_in_order(split)
        if not views or self.sort_batches == 1:
            return None
        lengths = np.maximum.reduce([view.longest_windows() for view in views])
        return np.argsort(-lengths, kind="stable")

    def _in_file_order(self, split: str) -> TokenDataset | StreamDataset:
        splits = self.splits
        if isinstance(splits, StreamedSplits):
            return splits.datasets[split]
        return self._dataset(split, self._strands(splits, split))

    def _strands(self, splits: EncodedSplits, split: str) -> list[TokenRows]:
        other = [splits.other[split]] if split in splits.other else []
        return [splits.tokens[split], *other]

    def _dataset(self, split: str, views: list[TokenRows]) -> TokenDataset:
        states = self.states.get(split, ())
        return TokenDataset(views[0], self._labels(split), *views[1:], states=states)

    def _labels(self, split: str) -> Tensor:
        labels = torch.from_numpy(self.tables[split].labels)
        return labels if self.task.kind == "multiclass" else labels.float()

    def _classes(self) -> NDArray[np.int64] | None:
        """Return the class of each training row if classes are drawn alike."""
        return self.tables["train"].labels.astype(np.int64) if self.weighted_sampling else None

    def _processes(self) -> tuple[int, int]:
        """Return the number of processes and which one this is."""
        if self.trainer is None:
            return 1, 0
        return self.trainer.world_size, self.trainer.global_rank

    def _loader_options(self) -> dict[str, Any]:
        return {
            "num_workers": self.num_workers,
            "pin_memory": torch.cuda.is_available(),
            # Without its own generator a loader draws from the global one, which dropout uses.
            "generator": torch.Generator().manual_seed(self.seed),
        }
