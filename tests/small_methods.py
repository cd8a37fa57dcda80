"""Methods of conf/method on small backbones, and a task that can be learnt by heart."""

import copy
import functools
from pathlib import Path
from typing import Any

import torch
import yaml
from hydra import compose, initialize_config_dir
from lightning import Trainer, seed_everything
from omegaconf import OmegaConf
from torch.utils.data import DataLoader

from dnaft.batch import Batch
from dnaft.config import build, config_dir, register_schema
from dnaft.finetuner import FineTuner
from dnaft.models.backbone import Backbone
from dnaft.saved_run import save_base
from small_models import small_backbone

CONF = Path(config_dir())
# What reads a model and trains none of it: tests/methods/test_layer_probe.py.
PROBES = ("layer_probe",)
METHODS = sorted(
    file.stem
    for file in (CONF / "method").glob("*.yaml")
    if not file.stem.startswith(("_", "baseline")) and file.stem not in PROBES
)
# What a method cannot do without, or what makes it small.
SETTINGS: dict[str, dict[str, Any]] = {
    "bottleneck": {"size": 5},
    "partial": {"top_layers": 1},
    "p_tuning": {"encoder_hidden": 7},
    "prefix_tuning": {"projection_hidden": 7},
}
WITH = {
    "peft": [
        "method.peft_config._target_=peft.HRAConfig",
        "+method.peft_config.r=2",
        "method.optimizer.lr=0.01",
    ]
}
RANKS = {"lokr": 2}  # else 3; at 3 no factor of the small matrices would be split
PROMPTS = ("prompt_tuning", "p_tuning", "p_tuning_v2", "prefix_tuning")
IDS = torch.arange(5, 65).reshape(5, 12)
MASK = torch.ones_like(IDS)


def roles_of(family: str) -> dict[str, str]:
    own = yaml.safe_load((CONF / "model" / f"_{family}.yaml").read_text()).get("roles")
    base = yaml.safe_load((CONF / "model" / "_bert.yaml").read_text())["roles"]
    roles: dict[str, str] = own or base
    return roles


def method_config(name: str) -> dict[str, Any]:
    """What a yaml says, interpolations resolved, at a small rank."""
    return copy.deepcopy(_composed(name))


@functools.cache
def _composed(name: str) -> dict[str, Any]:
    register_schema()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        overrides = [f"method={name}", "task=prom_tata", *WITH.get(name, [])]
        config = compose("train", overrides=overrides)
    if config.method.virtual_tokens:
        config.method.virtual_tokens = 3
    if "rank" in config.method:
        config.method.rank = RANKS.get(name, 3)
        sampler = config.method.callbacks.get("rank_sampler")
        if sampler is not None:
            sampler.target_rank = 2
    config.method.inject.update(SETTINGS.get(name, {}))
    method: dict[str, Any] = OmegaConf.to_container(config, resolve=True)["method"]  # type: ignore[index,call-overload,assignment]
    return method


def plain(family: str, standardise: bool = False) -> Backbone:
    """A small backbone with a head, and no method yet."""
    seed_everything(7, verbose=False)
    backbone = small_backbone(family, roles_of(family), "mean", standardise_features=standardise)
    backbone.attach_head(1)
    return backbone


def adapted(
    name: str, family: str, base: Path | None = None, standardise: bool = False
) -> tuple[Backbone, dict[str, Any]]:
    """The same backbone with a method, and what the method's yaml says."""
    method = method_config(name)
    backbone = plain(family, standardise)
    if base is not None:
        save_base(backbone, base)
    build(method["inject"], "method.inject")(backbone)
    return backbone, method


def batches(count: int) -> DataLoader[Batch]:
    """The label is the parity of one token: learnable by heart."""
    generator = torch.Generator().manual_seed(0)
    rows = []
    for _ in range(4):
        ids = torch.randint(5, 80, (8, 12), generator=generator)
        rows.append(Batch(ids, torch.ones_like(ids), (ids[:, 1] % 2).float()))
    return DataLoader(rows * (count // 4), batch_size=None, generator=torch.Generator())  # type: ignore[arg-type]


def train(backbone: Backbone, method: dict[str, Any], steps: int = 24) -> list[float]:
    """Train as a run does; return the loss of each step."""
    module = FineTuner(
        backbone,
        "binary",
        1,
        build({**method["optimizer"], "lr": 2e-2, "warmup_fraction": 0.0}, "method.optimizer"),
        method["orthogonality_weight"],
    )
    losses: list[float] = []
    original = module.training_step

    def recorded(batch: Batch, batch_idx: int) -> torch.Tensor:
        loss = original(batch, batch_idx)
        losses.append(float(module.trainer.callback_metrics["train/loss"]))
        return loss

    module.training_step = recorded  # type: ignore[method-assign]
    Trainer(
        max_steps=steps,
        callbacks=list(build(method["callbacks"], "method.callbacks").values()),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
    ).fit(module, batches(steps))
    return losses


def logits(backbone: Backbone) -> torch.Tensor:
    with torch.no_grad():
        result: torch.Tensor = backbone.eval()(IDS, MASK)
    return result


def rows_of_docs() -> dict[str, list[str]]:
    """The table of all methods in docs/methods.md, by the first cell."""
    text = (CONF.parent / "docs" / "methods.md").read_text()
    lines = text.partition("## All methods\n")[2].partition("\n## ")[0].splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]
    return {row[0].strip("`"): row for row in rows}
