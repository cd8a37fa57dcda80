"""The trainer of a run, alone or as one of several processes that train together."""

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from lightning import Trainer
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy, Strategy

from dnaft.config import build
from dnaft.errors import InputError
from dnaft.precision import choose_precision, device_type

SHARDED = "fsdp"  # of `trainer.strategy`; Lightning's own of this name is not used
_STRATEGIES = ("auto", "ddp", SHARDED)
_RANK = "LOCAL_RANK"  # Lightning's variables for processes that it does not start itself
_COUNT = "WORLD_SIZE"
# Whoever waits for a process that is gone is ended from outside; whoever is slow is not.
_PATIENCE = timedelta(days=7)


def count_processes(node: Mapping[str, Any]) -> int:
    """Return how many processes `trainer.devices` asks for.

    Args:
        node: The trainer's configuration.

    Raises:
        InputError: If several would be needed that cannot be had: on several machines, started
            from outside, or by a strategy that does not compute what a single one does.
    """
    if node.get("devices") == 1 and node.get("num_nodes", 1) == 1:
        return 1
    trainer: Trainer = build(_for_lightning(node), "trainer")(
        plugins=[LightningEnvironment()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
    )
    if trainer.num_nodes > 1:
        raise InputError(
            f"trainer.num_nodes: is {trainer.num_nodes}; a run stays on one machine, with as many "
            "of its GPUs as trainer.devices says"
        )
    count = trainer.world_size
    if count == 1:
        return 1
    strategy = node.get("strategy", "auto")
    if isinstance(strategy, str) and strategy not in _STRATEGIES:
        raise InputError(
            f"trainer.strategy: {strategy} is none that gives the results of one process; take "
            "ddp, or fsdp to part frozen weights among the processes"
        )
    tasks = os.environ.get("SLURM_NTASKS", "1")
    if _RANK in os.environ or tasks != "1":
        raise InputError(
            f"trainer.devices: the {count} processes are started by dnaft itself; start it once, "
            "without torchrun, and under SLURM as one task (--ntasks=1) that has all GPUs"
        )
    return count


def shards_frozen(config: Mapping[str, Any]) -> bool:
    """Return whether the processes of a run part its frozen matrices among them.

    Args:
        config: The resolved configuration.
    """
    return bool(config["trainer"].get("strategy") == SHARDED)


def check_sharding(config: Mapping[str, Any]) -> None:
    """Refuse what needs the frozen matrices whole if processes part them.

    Args:
        config: The resolved configuration.

    Raises:
        InputError: If another setting does.
    """
    if not shards_frozen(config):
        return
    if config["eval"]["mlm"]:
        raise InputError(
            "eval.mlm: is true, and one process alone looks at language; with "
            f"trainer.strategy={SHARDED} it has but a part of the model: take ddp, or leave it out"
        )
    if config["fast"]["frozen_bf16"]:
        raise InputError(
            "fast.frozen_bf16: is true, and what is put back for the scores are whole weights; "
            f"with trainer.strategy={SHARDED} they stay in float32: leave it out, or take ddp"
        )
    if config["method"]["quantise"] is not None:
        raise InputError(
            f"method.quantise: is {config['method']['quantise']}, and matrices of four bits cannot "
            f"be parted (trainer.strategy={SHARDED}); take ddp, or another method than qlora"
        )


def become_process(rank: int, count: int, port: int) -> None:
    """Make this process one of several.

    Args:
        rank: Which one.
        count: How many there are.
        port: Of this machine, where they find each other.
    """
    os.environ |= {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "NODE_RANK": "0",
        _RANK: str(rank),
        _COUNT: str(count),
    }


def is_one_of_several() -> bool:
    """Return whether this process was made by `become_process`."""
    return int(os.environ.get(_COUNT, 1)) > 1 and _RANK in os.environ


def trainer_precision(node: Mapping[str, Any]) -> tuple[str, str]:
    """Return in what a trainer of this configuration computes here, and why."""
    wanted = str(node.get("precision", "32-true"))
    return choose_precision(wanted, device_type(node.get("accelerator", "auto")))


def resolve_precision(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the trainer's configuration with `precision=auto` as what it means here."""
    if node.get("precision") != "auto":
        return dict(node)
    return {**node, "precision": trainer_precision(node)[0]}


def build_trainer(node: Mapping[str, Any], **settings: Any) -> Trainer:
    """Return the trainer, in a process made by `become_process` as one of several.

    Args:
        node: Its configuration.
        settings: Further arguments.
    """
    settings = dict(settings)
    plain = _for_lightning(node)
    if is_one_of_several():
        if isinstance(plain.get("strategy", "auto"), str):
            plain.pop("strategy", None)
            settings["strategy"] = _ddp()
        # Our loaders part the batches; Lightning's way reads some rows twice.
        settings |= {"plugins": [LightningEnvironment()], "use_distributed_sampler": False}
    trainer: Trainer = build(plain, "trainer")(**settings)
    return trainer


def _for_lightning(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the trainer's configuration in words that Lightning's trainer knows."""
    plain = resolve_precision(node)
    return {**plain, "strategy": "auto"} if plain.get("strategy") == SHARDED else plain


def _ddp() -> Strategy:
    # Some models have weights that no output depends on. Buffers need no sending: those that
    # change are computed over all processes.
    return DDPStrategy(find_unused_parameters=True, broadcast_buffers=False, timeout=_PATIENCE)
