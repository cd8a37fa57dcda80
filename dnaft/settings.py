"""Checks of the composed configuration that need nothing heavy: before anything is read."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from dnaft.conf_files import choices as offered
from dnaft.config import PretrainConfig, TrainConfig, check_arguments
from dnaft.errors import InputError, near

_LARGEST_SEED = 2**32 - 1  # of numpy's generator, which Lightning seeds, too
# Weights in half precision lose digits that the scores and the saved run do not get back.
_LOSSY = ("bf16-true", "16-true", "transformer-engine", "transformer-engine-float16")
# Of the trainer: Lightning divides by the first, and takes a negative second for none.
_LEAST = {"accumulate_grad_batches": 1, "gradient_clip_val": 0, "log_every_n_steps": 0}
_COMPONENTS = ("task", "tokenizer", "data", "loss", "trainer", "logger")
_PRETRAIN_COMPONENTS = (
    "genome", "tokenizer", "model", "objective", "plan", "optimizer", "held_out", "session",
    "export", "trainer", "logger",
)  # fmt: skip
DRY_RUN = ("false", "true", "unmeasured")
_Switches = dict[str, dict[str, Any]]
# What only the training of a language model heeds, and how it is switched off; of a tuple all
# values do so.
_OF_TRAINING: _Switches = {
    "loss": {"class_weights": None, "focal_gamma": 0, "label_smoothing": 0},
    "data": {
        "weighted_sampling": False,
        "reverse_complement": 0,
        "eval_reverse_complement": False,
    },
    "eval": {"mlm": False, "choose_on": "dev", "choose_after": 0},
    "fast": {"gradient_checkpointing": False, "frozen_bf16": None},
    "method": {"virtual_tokens": 0, "orthogonality_weight": 0, "head_dropout": 0},
}
# The same for probes, which read a language model, on one strand or both, and train none.
_OF_TRAINING_ALONE: _Switches = {
    **_OF_TRAINING,
    "data": {"weighted_sampling": False, "reverse_complement": 0},
    "trainer": {"precision": ("auto", "32-true")},
}
# And for baselines, which read no language model.
_OF_LANGUAGE_MODELS: _Switches = {
    **_OF_TRAINING,
    "method": {**_OF_TRAINING["method"], "quantise": None, "prefix": "", "suffix": ""},
}


@dataclass(frozen=True)
class MethodSettings:
    """The keys of a method; its parts are checked by what they build."""

    name: str
    inject: Any
    optimizer: Any
    callbacks: dict[str, Any]
    baseline: Any
    probe: Any
    rank: int | None = None
    peft_config: Any = None
    virtual_tokens: int = 0
    quantise: Literal["nf4", "fp4"] | None = None
    prefix: str = ""
    suffix: str = ""
    orthogonality_weight: float = 0.0
    head_dropout: float = 0.0


def check_choices(choices: Mapping[str, str]) -> None:
    """Refuse a file that others build upon as a choice of its own.

    Args:
        choices: The name chosen in each configuration group.

    Raises:
        InputError: For a name that starts with `_`.
    """
    for group, choice in choices.items():
        if choice.startswith("_"):
            raise InputError(
                f"{group}: {choice} is what other files build upon, not a choice of its own; "
                f"there are {', '.join(offered(group))}"
            )


def read_dry_run(value: object) -> str:
    """Return which of `DRY_RUN` a value is.

    Raises:
        InputError: If it is none.
    """
    text = str(value).lower()
    if text not in DRY_RUN:
        raise InputError(f"dry_run: must be {', '.join(DRY_RUN)}; got {value}")
    return text


def check_settings(config: Mapping[str, Any]) -> None:
    """Check the keys that no constructor checks.

    Args:
        config: The resolved configuration, plain values.

    Raises:
        InputError: For an unknown key, a part that is missing, or a value out of its domain.
    """
    _check_keys(config, TrainConfig)
    _check_seed(config["seed"])
    read_dry_run(config["dry_run"])
    chooser = config["eval"]["choose_on"]
    if chooser not in ("dev", "test"):
        raise InputError(f"eval.choose_on: must be dev or test, got {chooser}")
    if not 0 <= config["eval"]["choose_after"] <= 1:
        raise InputError(
            "eval.choose_after: a share of the run's steps, from 0 to 1; got "
            f"{config['eval']['choose_after']}"
        )
    for group in _COMPONENTS:
        _check_component(config[group], group)
    for name, least in _LEAST.items():
        value = config["trainer"].get(name)
        if isinstance(value, int | float) and value < least:
            raise InputError(f"trainer.{name}: must be {least} or more, got {value}")
    precision = config["trainer"].get("precision")
    if precision in _LOSSY:
        raise InputError(
            f"trainer.precision: {precision} rounds the weights that train; set bf16-mixed, which "
            "rounds products alone, or auto, 16-mixed, 32-true, 64-true"
        )
    _check_method(config["method"])
    if config["loss"].get("class_weights") == "balanced" and config["data"].get(
        "weighted_sampling"
    ):
        raise InputError(
            "loss.class_weights: balanced, and data.weighted_sampling=true makes up for the same "
            "counts once more; leave out one of them"
        )
    _check_accumulation(config)
    if config["method"]["baseline"] is not None:
        _check_switches(config, _OF_LANGUAGE_MODELS)
    if config["method"]["probe"] is not None:
        _check_switches(config, _OF_TRAINING_ALONE)
    linear = config["method"]["baseline"] is not None or config["method"]["probe"] is not None
    for key, parts in (
        ("callbacks", config["callbacks"]),
        ("method.callbacks", config["method"]["callbacks"]),
    ):
        if not isinstance(parts, Mapping):
            raise InputError(f"{key}: got {parts!r}; needs named callbacks, or callbacks=none")
        if parts and linear:
            raise InputError(
                f"{key}: {', '.join(parts)} act while a model is trained, and method "
                f"{config['method']['name']} trains none; leave them out"
            )
        for name, part in parts.items():
            _check_component(part, f"{key}.{name}")
            if isinstance(part.get("monitor"), str):
                _check_monitor(
                    part["monitor"], f"{key}.{name}.monitor", config["task"]["kind"], chooser
                )


def check_pretrain_settings(config: Mapping[str, Any]) -> None:
    """Check the keys of a pretraining that no constructor checks.

    Args:
        config: The resolved configuration, plain values.

    Raises:
        InputError: For an unknown key, a part that is missing, or a value out of its domain.
    """
    _check_keys(config, PretrainConfig)
    _check_seed(config["seed"])
    for group in _PRETRAIN_COMPONENTS:
        _check_component(config[group], group)
    if config["num_workers"] < 0:
        raise InputError(f"num_workers: must be 0 or more, got {config['num_workers']}")


def _check_accumulation(config: Mapping[str, Any]) -> None:
    weighted = config["loss"].get("class_weights") is not None
    of_rows = config["task"].get("kind") in ("binary", "multiclass")
    parts = config["trainer"].get("accumulate_grad_batches", 1)
    if weighted and of_rows and parts != 1:
        raise InputError(
            f"trainer.accumulate_grad_batches: {parts} parts of a batch count alike, whatever the "
            "classes of their rows weigh (loss.class_weights); raise data.batch_size instead, with "
            "fast.gradient_checkpointing=true if memory is short, or take data.weighted_sampling"
        )


def _check_keys(config: Mapping[str, Any], schema: type[TrainConfig | PretrainConfig]) -> None:
    known = [field.name for field in fields(schema)]
    for key in config:
        if key not in known:
            raise InputError(f"{key}: there is no such key; {near(key, known)}")


def _check_seed(seed: int) -> None:
    if not 0 <= seed <= _LARGEST_SEED:
        raise InputError(
            f"seed: must lie between 0 and {_LARGEST_SEED:,}, got {seed}; "
            "choose another, for example seed=1"
        )


def _check_monitor(monitor: str, key: str, kind: Any, split: str) -> None:
    """Refuse a score that does not exist; Lightning would notice after the first epoch."""
    from dnaft.metrics import Kind, metric_names

    if kind not in get_args(Kind):
        return  # the task says so
    scored = ("loss", *metric_names(kind))
    known = [*(f"{split}/{name}" for name in scored), "train/loss"]
    if monitor not in known:
        raise InputError(f"{key}: there is no {monitor}; {near(monitor, known)}")


def _check_method(method: Any) -> None:
    if not isinstance(method, Mapping):
        raise InputError(f"method: got {method!r}; choose a file, for example method=lora")
    plain = {key: value for key, value in method.items()}
    check_arguments(MethodSettings, plain, "method")
    for linear in ("baseline", "probe"):
        if method[linear] is not None:
            _check_component(method[linear], f"method.{linear}")
            _check_alone(method, linear)
            return
    for part in ("inject", "optimizer"):
        if method[part] is None:
            raise InputError(
                f"method.{part}: is null, so method {method['name']} would train nothing; "
                "leave it as it is, or choose a baseline (method=baseline_kmer)"
            )
        _check_component(method[part], f"method.{part}")
    reserved, used = method["virtual_tokens"], method["inject"].get("virtual_tokens", 0)
    if reserved != used:
        raise InputError(
            f"method.virtual_tokens: {reserved} are reserved, and method {method['name']} puts "
            f"{used} in front of each row; set method.virtual_tokens alone, and only where the "
            "method has some"
        )


def _check_alone(method: Mapping[str, Any], linear: str) -> None:
    """Refuse a method that is a linear model and trains a language model, too."""
    for part in ("baseline", "probe", "inject", "optimizer"):
        if part != linear and method[part] is not None:
            raise InputError(
                f"method.{part}: method {method['name']} is a linear model, which "
                f"method.{linear} describes by itself; set method.{part} to null"
            )


def _check_switches(config: Mapping[str, Any], switches: _Switches) -> None:
    """Refuse what a linear model would pass over in silence."""
    for group, of_group in switches.items():
        for name, off in of_group.items():
            fine = off if isinstance(off, tuple) else (off,)
            value = config[group].get(name, fine[0])
            if value not in fine:
                raise InputError(
                    f"{group}.{name}: is {value}, and method {config['method']['name']} is a "
                    "linear model with a loss, an order and a precision of its own; leave it out"
                )


def _check_component(part: Any, key: str) -> None:
    if not isinstance(part, Mapping) or "_target_" not in part:
        raise InputError(
            f"{key}: got {part!r}; it describes nothing that can be built, for want of a "
            "_target_. Choose one of the files of conf, or write a mapping with _target_"
        )
