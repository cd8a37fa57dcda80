"""Which runs of a sweep can be trained in one pass over one frozen model."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

# What runs of a group may have of their own: nothing of it changes what the frozen layers compute.
_OWN = (
    ("seed",),
    ("data", "seed"),
    ("method", "rank"),
    ("method", "inject", "rank"),
    ("method", "inject", "alpha"),
    ("method", "inject", "rank_stabilised"),
    ("method", "inject", "lr_ratio"),
    ("method", "inject", "scale_rank"),
    ("method", "inject", "vectors"),
    ("method", "optimizer"),
    ("method", "orthogonality_weight"),
    ("method", "head_dropout"),
    ("method", "callbacks"),
    ("callbacks",),
    ("loss",),
    ("trainer", "max_epochs"),
    ("trainer", "max_steps"),
    ("trainer", "gradient_clip_val"),
    ("trainer", "val_check_interval"),
    ("trainer", "check_val_every_n_epoch"),
)
_METHODS = ("dnaft.methods.lora.inject_lora", "dnaft.methods.adalora.inject_adalora")
# What a run has to say to be trained together with others; None stands for a key left out, too.
_NEEDED: tuple[tuple[tuple[str, ...], Sequence[Any]], ...] = (
    (("method", "inject", "weight_decomposed"), (None, False)),
    (("method", "quantise"), (None,)),
    (("method", "probe"), (None,)),
    (("method", "baseline"), (None,)),
    (("method", "virtual_tokens"), (0,)),
    (("method", "inject", "_target_"), _METHODS),
    (("model", "requires"), (None, [])),  # Mamba's kernels read weights past the layers
    (("fast", "fused_adapters"), (True,)),
    (("eval", "mlm"), (False,)),
    (("logger", "_target_"), ("dnaft.loggers.csv_logger",)),  # W&B has one run a process
    (("trainer", "devices"), (1,)),
    (("trainer", "num_nodes"), (None, 1)),
    (("trainer", "strategy"), (None, "auto")),
)


def group_runs(configs: Sequence[Mapping[str, Any]], most: int) -> list[list[int]]:
    """Return the positions of runs that are trained together, each in one group.

    Runs belong together if they adapt the matrices of the same frozen model with LoRA or adapters
    in the form of a singular value decomposition, and differ only in what each has of its own:
    seed, rank, alpha, optimiser, loss, callbacks, head dropout, length of training. All others are
    groups of one.

    Args:
        configs: Resolved configurations, plain values.
        most: The most runs of a group.
    """
    groups: list[list[int]] = []
    open_groups: dict[str, list[int]] = {}
    for position, config in enumerate(configs):
        key = _shared_part(config) if _can_share(config) else None
        group = None if key is None else open_groups.get(key)
        if group is not None and len(group) < most:
            group.append(position)
            continue
        groups.append([position])
        if key is not None:
            open_groups[key] = groups[-1]
    return groups


def _can_share(config: Mapping[str, Any]) -> bool:
    return all(_at(config, path) in allowed for path, allowed in _NEEDED)


def _at(config: Any, path: Sequence[str]) -> Any:
    for name in path:
        config = config.get(name) if isinstance(config, Mapping) else None
    return config


def _shared_part(config: Mapping[str, Any]) -> str:
    kept: dict[str, Any] = json.loads(json.dumps(config))
    for *parents, last in _OWN:
        node = _at(kept, parents)
        if isinstance(node, dict):
            node.pop(last, None)
    return json.dumps(kept, sort_keys=True)
