"""Two processes over gloo, each with its part of the frozen weights: outputs and gradients."""

import copy
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from dnaft.callbacks.frozen_shards import FrozenShards
from dnaft.config import build
from dnaft.finetuner import FineTuner
from dnaft.models.backbone import Backbone
from dnaft.run import adapt
from small_methods import IDS, method_config, plain
from small_models import built, small_node

ROWS = 4


def with_method(method: str, computed_twice: bool = False) -> Backbone:
    backbone = plain("bert")
    fast = {"fused_adapters": True, "gradient_checkpointing": computed_twice, "dropout": True}
    adapt(backbone, {"method": method_config(method), "fast": fast})
    return backbone


def of_model(model: str) -> Backbone:
    torch.manual_seed(7)  # the processes build the same model
    backbone = built(small_node(model))
    backbone.attach_head(1, positions=64)
    build(method_config("lora")["inject"], "method.inject")(backbone)
    return backbone


def training_twice(method: str) -> Backbone:
    backbone = with_method(method, computed_twice=True)
    for module in backbone.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # each process draws its own
    return backbone


KINDS: dict[str, Callable[[str], Backbone]] = {
    "method": with_method,
    "model": of_model,
    "twice": training_twice,
    "bfloat16": with_method,
    "twice, bfloat16": training_twice,
}


def compare(kind: str, name: str, rank: int, count: int) -> dict[str, Any]:
    """Return how far outputs and gradients are from those of one process, and what is where."""
    whole, mixed = KINDS[kind](name), kind.endswith("bfloat16")
    whole = whole.float() if mixed else whole.double()
    whole.train(kind.startswith("twice"))
    ids = IDS[:ROWS] % whole.vocabulary_size
    for path, parameter in whole.named_parameters():
        if parameter.requires_grad:  # what starts at zero has no gradient to compare
            generator = torch.Generator().manual_seed(len(path))
            parameter.data += 0.1 * torch.rand(parameter.shape, generator=generator)
    module = FineTuner(copy.deepcopy(whole), "binary", 1, optimizer=Any)  # type: ignore[arg-type]
    module.train(whole.training)
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    trainer: Any = SimpleNamespace(world_size=count, strategy=strategy)
    FrozenShards(module.backbone).setup(trainer, module, "fit")
    module.forward = module.backbone.forward  # type: ignore[method-assign]
    together = DistributedDataParallel(module, find_unused_parameters=True, broadcast_buffers=False)

    def read(model: nn.Module, process: int) -> torch.Tensor:
        mine = ids[process::count]
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            logits: torch.Tensor = model(mine, torch.ones_like(mine))
        logits.square().mean().backward()
        return logits.detach()

    found = read(together, rank)
    expected = [read(whole, process) for process in range(count)][rank]
    gradients = {n: p.grad for n, p in module.backbone.named_parameters() if p.requires_grad}
    reference = {
        n: None if p.grad is None else p.grad / count
        for n, p in whole.named_parameters()
        if p.requires_grad
    }
    assert gradients.keys() == reference.keys()
    parted = [p for p in module.parameters() if isinstance(p, DTensor)]
    return {
        "logits": float((found - expected).abs().max()),
        "gradients": max(distance(gradients[n], reference[n]) for n in gradients),
        "largest": max(float(g.abs().max()) for g in reference.values() if g is not None),
        "here": sum(p.to_local().numel() for p in parted),
        "all": sum(p.numel() for p in parted),
    }


def distance(found: torch.Tensor | None, expected: torch.Tensor | None) -> float:
    if found is None or expected is None:
        # One that no output depends on; DDP may give it zeros.
        return float(sum(g.abs().max() for g in (found, expected) if g is not None))
    return float((found - expected).abs().max())


def work(rank: int, count: int, folder: Path, cases: list[tuple[str, str]]) -> None:
    """Be one of the processes: write what each case gave."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    store = f"file://{folder / 'store'}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=count)
    found: dict[str, Any] = {}
    for kind, name in cases:
        found[f"{kind} {name}"] = compare(kind, name, rank, count)
    (folder / f"{rank}.json").write_text(json.dumps(found))
    dist.destroy_process_group()
