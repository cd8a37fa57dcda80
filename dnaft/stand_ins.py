"""What a run that is tried out reads: its data, or what stands in for those that are not here."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dnaft.config import build
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.splits import load_splits
from dnaft.data.store_source import StoreSource
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.pace import MEASURED, WARM_UP
from dnaft.run import prepare_data
from dnaft.sweeps.random_rows import why_none, with_random_rows
from dnaft.sweeps.stand_in_tokenizer import find_stand_in


@dataclass(frozen=True)
class Reading:
    """Data to measure with.

    Attributes:
        config: The resolved configuration, what stands in for its parts in their places.
        task: The task, likewise.
        data: The encoded splits.
        rows: How many rows the splits of the run have; None if `data` are its own.
        remarks: What stands in.
    """

    config: dict[str, Any]
    task: Task
    data: SequenceDataModule
    rows: Mapping[str, int] | None = None
    remarks: tuple[str, ...] = ()

    def training_batches(self) -> int:
        """Return how many batches an epoch of the run has."""
        if self.rows is None:
            return len(self.data.train_dataloader())
        return -(-self.rows["train"] // self.data.batch_size)

    def scored_batches(self, split: str) -> int:
        """Return how many batches dev or test of the run has."""
        if self.rows is None:
            return len(self.data.in_order(split))
        strands = 2 if self.data.eval_reverse_complement else 1
        return -(-self.rows[split] // max(1, self.data.eval_batch_size // strands))


class Reader:
    """Reads what runs need, one after the other; what they share is read once."""

    def __init__(self) -> None:
        self._data: tuple[str, SequenceDataModule] | None = None
        self._refused: dict[str, InputError] = {}
        self._tables: dict[str, str] = {}
        self._tokenizers: dict[str, str] = {}
        self._folder = tempfile.TemporaryDirectory(prefix="dnaft_")

    def read(
        self, config: dict[str, Any], task: Task
    ) -> tuple[Reading | None, tuple[str, ...], str]:
        """Return what to measure with, what the run lacks here, and why there is nothing.

        Args:
            config: The resolved configuration.
            task: The task.
        """
        found = self._prepare(config, task)
        if not isinstance(found, InputError):
            return Reading(config, task, found), (), ""
        tokenizer, tables = self._look_for_tokenizer(config), self.look_for_tables(config, task)
        lacks = dict.fromkeys((str(found), *tokenizer, *tables))
        if not tokenizer and not tables:
            return None, tuple(lacks), "the run cannot begin"
        stood_in = self._stand_in(config, task, bool(tokenizer), bool(tables))
        if isinstance(stood_in, str):
            return None, tuple(lacks), stood_in
        return stood_in, tuple(lacks), ""

    def look_for_tables(self, config: Mapping[str, Any], task: Task) -> tuple[str, ...]:
        """Return what is wrong with the rows of a task."""
        key = as_key([config["task"], config["data_dir"]])
        if key not in self._tables:
            try:
                if isinstance(task.source, StoreSource):
                    task.source.open(task.rules, config["data_dir"])
                else:
                    load_splits(task, config["data_dir"])
                self._tables[key] = ""
            except InputError as error:
                self._tables[key] = str(error)
        return (self._tables[key],) if self._tables[key] else ()

    def _look_for_tokenizer(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        key = as_key(config["tokenizer"])
        if key not in self._tokenizers:
            try:
                build(config["tokenizer"], "tokenizer")
                self._tokenizers[key] = ""
            except InputError as error:
                self._tokenizers[key] = str(error)
        return (self._tokenizers[key],) if self._tokenizers[key] else ()

    def _stand_in(
        self, config: dict[str, Any], task: Task, for_tokenizer: bool, for_rows: bool
    ) -> Reading | str:
        """Return data that will do, or why there are none."""
        remarks, rows = [], None
        # Nothing of it is for the cache of later runs.
        config = {**config, "data": {**config["data"], "cache_dir": self._folder.name}}
        if for_tokenizer:
            architecture = config["model"].get("architecture") or {}
            folder = Path(self._folder.name)
            found = find_stand_in(config["tokenizer"], architecture, folder)
            if found is None:
                return "no packaged tokenizer can stand in for this one"
            config["tokenizer"], said = found
            remarks.append(f"{said} stand in for the model's tokenizer")
        if for_rows:
            reason = why_none(task)
            if reason:
                return f"nothing stands in for the data: {reason}"
            rows, length = task.rows, task.length_bp
            task = with_random_rows(task, _few(config["data"]))
            config["task"] = {**config["task"], "name": task.name, "source": "random", "rows": None}
            remarks.append(
                f"random sequences of {length} bp stand in for the data, counted by task.rows"
            )
        data = self._prepare(config, task)
        if isinstance(data, InputError):
            return str(data)
        return Reading(config, task, data, rows, tuple(remarks))

    def _prepare(self, config: dict[str, Any], task: Task) -> SequenceDataModule | InputError:
        """Return the encoded data; those of the last run again if they are the same."""
        parts = [config[name] for name in ("task", "tokenizer", "data")]
        tokens = config["model"].get("max_tokens"), config["method"]["virtual_tokens"]
        key = as_key([*(without(part, "seed") for part in parts), tokens])
        if key in self._refused:
            return self._refused[key]
        if self._data is None or self._data[0] != key:
            self._data = None  # before the next: two may not fit into memory
            try:
                self._data = key, prepare_data(config, task)
            except InputError as error:
                self._refused[key] = error
                return error
        return self._data[1]


def _few(data: Mapping[str, Any]) -> dict[str, int]:
    """Return as many rows as are measured."""
    scored = int(data["eval_batch_size"])
    return {"train": (WARM_UP + MEASURED) * int(data["batch_size"]), "dev": scored, "test": scored}


def without(part: Any, *names: str) -> dict[str, Any]:
    """Return a mapping without some of its keys."""
    return {name: value for name, value in part.items() if name not in names}


def as_key(parts: Any) -> str:
    """Return a text that two configurations share if they are the same."""
    return json.dumps(parts, sort_keys=True, default=str)
