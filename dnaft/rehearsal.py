"""A run that is tried out: what is missing for it here, its steps, how long they take."""

import logging
from collections.abc import Mapping
from typing import Any

from dnaft.blueprint import Blueprint, draw
from dnaft.bounded_pace import Bounds, measure_within
from dnaft.config import build
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.models.checkpoint import look_for_checkpoint
from dnaft.output import set_up_output
from dnaft.parts_check import check_parts
from dnaft.settings import check_settings, read_dry_run
from dnaft.stand_ins import Reader, Reading, as_key, without
from dnaft.sweeps.count import Count, count_run
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
        self._reader = Reader()
        self._weights: dict[str, tuple[str, str]] = {}
        self._blueprints: dict[str, Blueprint | InputError | None] = {}
        self._paces: dict[str, tuple[Pace | None, str]] = {}

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
        check_parts(config, task)
        method = config["method"]
        if method["baseline"] is not None:
            from dnaft.baseline_run import refuse_language_model  # scikit-learn, as in run.py

            refuse_language_model(config)
            missing = self._reader.look_for_tables(config, task)
            return Cost(missing=missing, remarks=("a linear model: no estimate",))
        weights, where = self._look_for_weights(config["model"])
        reading, lacks, why_none = self._reader.read(config, task)
        missing = tuple(dict.fromkeys(lack for lack in (weights, *lacks) if lack))
        if reading is None:
            return Cost(missing=missing, remarks=(f"no estimate: {why_none}",))
        if method["probe"] is not None:
            return Cost(missing=missing, remarks=("probes of layers: no estimate",))
        return self._estimate(reading, missing, where)

    def _estimate(self, reading: Reading, missing: tuple[str, ...], where: str) -> Cost:
        config = reading.config
        count = count_run(config["trainer"], reading.training_batches())
        dev, test = reading.scored_batches("dev"), reading.scored_batches("test")
        watched = dev if config["eval"]["choose_on"] == "dev" else test
        blueprint = self._draw(reading)
        pace, remarks = None, list(reading.remarks)
        if read_dry_run(config["dry_run"]) != "unmeasured":
            pace, said = self._measure(reading, blueprint, count, where)
            if pace is None:
                remarks = [*remarks, f"no estimate: {said}"]
            else:
                if where == "hub":
                    remarks.append("weights are to be fetched from the hub")
                if where != "here":
                    remarks.append("measured with random weights of the same shape")
                remarks += [said] if said else []
        return Cost(
            steps=count.steps,
            batches=count.batches,
            scored_batches=count.scorings * watched + dev + test,
            pace=pace,
            missing=missing,
            remarks=tuple(remarks),
        )

    def _draw(self, reading: Reading) -> Blueprint | None:
        """Return how large the model is, if that can be told.

        Raises:
            InputError: If the method cannot be injected.
        """
        config, task = reading.config, reading.task
        parts = [config[name] for name in ("model", "fast", "loss", "tokenizer")]
        longest = reading.data.summary()["tokens"]["train"]["max"]
        method = without(config["method"], "callbacks", "prefix", "suffix")
        key = as_key([*parts, method, task.kind, task.outputs, longest])
        if key not in self._blueprints:
            try:
                self._blueprints[key] = draw(config, task, reading.data)
            except InputError as error:
                self._blueprints[key] = error
        found = self._blueprints[key]
        if isinstance(found, InputError):
            raise found
        return found

    def _measure(
        self, reading: Reading, blueprint: Blueprint | None, count: Count, where: str
    ) -> tuple[Pace | None, str]:
        """Return the pace of a run of this kind and what to know of it, or why there is none."""
        config, task, data = reading.config, reading.task, reading.data
        if not _on_one_device(config["trainer"]):
            # Lightning would start this command once more on each of the others.
            return None, "steps are measured on one device alone, see trainer.devices"
        kind = _kind(config, task, data)
        if kind not in self._paces:
            model = config["model"]
            log.info("measuring %s", f"{model['name']}, {config['method']['name']}, {task.name}")
            if where != "here":
                config = {**config, "model": {**model, "source": None}}
            try:
                bounds, stands_in = Bounds.here(config["trainer"]), reading.rows is not None
                self._paces[kind] = measure_within(
                    config, task, data, blueprint, bounds, count.steps, stands_in
                )
            except InputError as error:
                if where == "here" and not reading.remarks:
                    raise
                self._paces[kind] = None, str(error)
        return self._paces[kind]

    def _look_for_weights(self, model: Mapping[str, Any]) -> tuple[str, str]:
        """Return what is wrong, or nothing, and where the weights are: here, hub or nowhere."""
        source = model.get("source")
        if source is None:
            return "", "here"
        key = as_key([source, model["revision"], model["allow_pickle"]])
        if key not in self._weights:
            try:
                where = look_for_checkpoint(source, model["revision"], model["allow_pickle"])
                self._weights[key] = "", where
            except InputError as error:
                self._weights[key] = str(error), "nowhere"
        return self._weights[key]


def _kind(config: Mapping[str, Any], task: Task, data: SequenceDataModule) -> str:
    """Return all that the time of a step depends on: model, method, batch, length and the like."""
    kept = {name: part for name, part in config.items() if name not in _SLOWS_NOTHING}
    method = without(kept["method"], "optimizer", "prefix", "suffix")
    # Numbers of a callback change what it decides; that it is there costs time.
    method["callbacks"] = sorted(method["callbacks"])
    kept["method"] = method
    kept["data"] = without(kept["data"], "seed", "data_dir", "cache_dir")
    kept["trainer"] = without(
        kept["trainer"], "max_epochs", "max_steps", "val_check_interval", "check_val_every_n_epoch",
        "limit_train_batches", "log_every_n_steps",
    )  # fmt: skip
    kept["tokenizer"] = without(kept["tokenizer"], "prefix", "suffix")
    tokens = data.summary()["tokens"]["train"]["mean"]
    length = -(-int(tokens) // _TOKENS_A_CLASS)
    return as_key([kept, task.kind, task.outputs, length])


def _on_one_device(trainer: Mapping[str, Any]) -> bool:
    devices = trainer.get("devices")
    chosen = len(devices) == 1 if isinstance(devices, list) else str(devices) == "1"
    return chosen and trainer.get("num_nodes", 1) == 1
