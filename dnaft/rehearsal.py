"""A run that is tried out: what is missing for it here, its steps, how long they take."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from dnaft.config import build
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.splits import load_splits
from dnaft.data.store_source import StoreSource
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.models.checkpoint import look_for_checkpoint
from dnaft.output import set_up_output
from dnaft.pace import measure_pace
from dnaft.run import prepare_data
from dnaft.settings import check_settings
from dnaft.sweeps.count import count_run
from dnaft.sweeps.plan import Cost, Pace

log = logging.getLogger(__name__)
_REMARKS = logging.getLogger("dnaft.data")

# What does not change how fast a step is, beside the parts that `_kind` goes through.
_SLOWS_NOTHING = (
    "seed", "data_dir", "cache_dir", "output_dir", "resume", "progress", "dry_run", "protocol",
    "logger", "loss", "eval", "callbacks", "task",
)  # fmt: skip
_TOKENS_A_CLASS = 16


class Rehearsals:
    """Tries out runs one after another; what they share is read and measured once."""

    def __init__(self) -> None:
        self._data: tuple[str, SequenceDataModule] | None = None
        self._refused: dict[str, InputError] = {}
        self._tables: dict[str, str] = {}
        self._weights: dict[str, tuple[str, str]] = {}
        self._paces: dict[str, Pace | str] = {}

    def __call__(self, config: dict[str, Any]) -> Cost:
        """Return what a run would take.

        Args:
            config: The resolved configuration; `dry_run=unmeasured` measures no step.

        Raises:
            InputError: If the configuration is wrong.
        """
        check_settings(config)
        set_up_output()
        _REMARKS.setLevel(logging.ERROR)  # the runs say them
        try:
            return self._try_out(config)
        finally:
            _REMARKS.setLevel(logging.NOTSET)

    def _try_out(self, config: dict[str, Any]) -> Cost:
        task: Task = build(config["task"], "task")
        method = config["method"]
        if method["baseline"] is not None:
            from dnaft.baseline_run import refuse_language_model  # scikit-learn, as in run.py

            refuse_language_model(config)
            missing = self._look_for_tables(config, task)
            return Cost(missing=missing, remarks=("a linear model: no estimate",))
        weights, where = self._look_for_weights(config["model"])
        missing = (weights,) if weights else ()
        data = self._read(config, task)
        if isinstance(data, InputError):
            # The tokenizer comes first: of the data nothing is said yet.
            found = dict.fromkeys((*missing, str(data), *self._look_for_tables(config, task)))
            remark = "no estimate without data and tokenizer"
            return Cost(missing=tuple(found), remarks=(remark,))
        if method["probe"] is not None:
            return Cost(missing=missing, remarks=("probes of layers: no estimate",))
        return self._estimate(config, task, data, missing, where)

    def _estimate(
        self,
        config: dict[str, Any],
        task: Task,
        data: SequenceDataModule,
        missing: tuple[str, ...],
        where: str,
    ) -> Cost:
        count = count_run(config["trainer"], len(data.train_dataloader()))
        dev, test = len(data.in_order("dev")), len(data.in_order("test"))
        watched = dev if config["eval"]["choose_on"] == "dev" else test
        pace, remarks = None, []
        if str(config["dry_run"]).lower() != "unmeasured":
            found = self._measure(config, task, data, where)
            if isinstance(found, str):
                remarks.append(f"no estimate: {found}")
            else:
                pace = found
                if where == "hub":
                    remarks.append("weights are to be fetched from the hub")
                if where != "here":
                    remarks.append("measured with random weights of the same shape")
        return Cost(
            steps=count.steps,
            batches=count.batches,
            scored_batches=count.scorings * watched + dev + test,
            pace=pace,
            missing=missing,
            remarks=tuple(remarks),
        )

    def _measure(
        self, config: dict[str, Any], task: Task, data: SequenceDataModule, where: str
    ) -> Pace | str:
        """Return the pace of a run of this kind, or why there is none."""
        if not _on_one_device(config["trainer"]):
            # Lightning would start this command once more on each of the others.
            return "steps are measured on one device alone, see trainer.devices"
        kind = _kind(config, task, data)
        if kind not in self._paces:
            model = config["model"]
            names = f"{model['name']}, {config['method']['name']}, {task.name}"
            log.info("measuring %s", names)
            if where != "here":
                model = {**model, "source": None}
            try:
                self._paces[kind] = measure_pace({**config, "model": model}, task, data)
            except InputError as error:
                if where == "here":
                    raise
                self._paces[kind] = str(error)
        return self._paces[kind]

    def _look_for_weights(self, model: Mapping[str, Any]) -> tuple[str, str]:
        """Return what is wrong, or nothing, and where the weights are: here, hub or nowhere."""
        source = model.get("source")
        if source is None:
            return "", "here"
        key = _key([source, model["revision"], model["allow_pickle"]])
        if key not in self._weights:
            try:
                where = look_for_checkpoint(source, model["revision"], model["allow_pickle"])
                self._weights[key] = "", where
            except InputError as error:
                self._weights[key] = str(error), "nowhere"
        return self._weights[key]

    def _look_for_tables(self, config: Mapping[str, Any], task: Task) -> tuple[str, ...]:
        key = _key([config["task"], config["data_dir"]])
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

    def _read(self, config: dict[str, Any], task: Task) -> SequenceDataModule | InputError:
        """Return the encoded data; those of the last run again if they are the same."""
        parts = [config[name] for name in ("task", "tokenizer", "data")]
        tokens = config["model"].get("max_tokens"), config["method"]["virtual_tokens"]
        key = _key([*(_without(part, "seed") for part in parts), tokens])
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


def _kind(config: Mapping[str, Any], task: Task, data: SequenceDataModule) -> str:
    """Return all that the time of a step depends on: model, method, batch, length and the like."""
    kept = {name: part for name, part in config.items() if name not in _SLOWS_NOTHING}
    method = _without(kept["method"], "optimizer", "prefix", "suffix")
    # Numbers of a callback change what it decides; that it is there costs time.
    method["callbacks"] = sorted(method["callbacks"])
    kept["method"] = method
    kept["data"] = _without(kept["data"], "seed", "data_dir", "cache_dir")
    kept["trainer"] = _without(
        kept["trainer"], "max_epochs", "max_steps", "val_check_interval", "check_val_every_n_epoch",
        "limit_train_batches", "log_every_n_steps",
    )  # fmt: skip
    kept["tokenizer"] = _without(kept["tokenizer"], "prefix", "suffix")
    tokens = data.summary()["tokens"]["train"]["mean"]
    length = -(-int(tokens) // _TOKENS_A_CLASS)
    return _key([kept, task.kind, task.outputs, length])


def _on_one_device(trainer: Mapping[str, Any]) -> bool:
    devices = trainer.get("devices")
    chosen = len(devices) == 1 if isinstance(devices, list) else str(devices) == "1"
    return chosen and trainer.get("num_nodes", 1) == 1


def _without(part: Any, *names: str) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name not in names}


def _key(parts: Any) -> str:
    return json.dumps(parts, sort_keys=True, default=str)
