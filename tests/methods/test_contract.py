"""What every method promises, over every yaml in conf/method and three architectures."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
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
from dnaft.saved_run import save_base, save_model
from small_models import SHAPES, small_backbone

CONF = Path(config_dir())
METHODS = sorted(
    file.stem
    for file in (CONF / "method").glob("*.yaml")
    if not file.stem.startswith(("_", "baseline"))
)
PEFT_METHODS = [m for m in METHODS if m not in ("full", "linear_probe")]
RANK = 3


def roles_of(family: str) -> dict[str, str]:
    own = yaml.safe_load((CONF / "model" / f"_{family}.yaml").read_text()).get("roles")
    base = yaml.safe_load((CONF / "model" / "_bert.yaml").read_text())["roles"]
    roles: dict[str, str] = own or base
    return roles


def method_config(name: str) -> dict[str, Any]:
    register_schema()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=[f"method={name}", "task=prom_tata"])
    if "rank" in config.method:
        config.method.rank = RANK
        sampler = config.method.callbacks.get("rank_sampler")
        if sampler is not None:
            sampler.target_rank = 2
    method: dict[str, Any] = OmegaConf.to_container(config, resolve=True)["method"]  # type: ignore[index,call-overload,assignment]
    return method


def adapted(
    name: str, family: str, base: Path | None = None, standardise: bool = False
) -> tuple[Backbone, dict[str, Any]]:
    method = method_config(name)
    seed_everything(7, verbose=False)
    backbone = small_backbone(family, roles_of(family), "mean", standardise_features=standardise)
    backbone.attach_head(1)
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


def train(backbone: Backbone, method: dict[str, Any], steps: int = 40) -> list[float]:
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


IDS = torch.arange(5, 65).reshape(5, 12)
MASK = torch.ones_like(IDS)


def logits(backbone: Backbone) -> torch.Tensor:
    with torch.no_grad():
        result: torch.Tensor = backbone.eval()(IDS, MASK)
    return result


@pytest.mark.parametrize("family", SHAPES)
@pytest.mark.parametrize("name", METHODS)
def test_injection_leaves_the_output_as_it_was(name: str, family: str) -> None:
    seed_everything(7, verbose=False)
    plain = small_backbone(family, roles_of(family), "mean")
    plain.attach_head(1)
    backbone, _ = adapted(name, family)
    torch.testing.assert_close(logits(backbone), logits(plain), rtol=0, atol=1e-6)


def expected_parameters(name: str, backbone: Backbone, method: dict[str, Any]) -> int:
    """The formulas of docs/methods: A and B of each matrix, and what each method adds."""
    head = 16 * 1 + 1 if backbone.hidden_size == 16 else 12 * 1 + 1
    shapes = {"q": (16, 16), "k": (16, 16), "v": (16, 16), "o": (16, 16)}
    shapes |= {"fc1": (24, 16), "fc2": (16, 24)}  # (out, in)
    layers = 2
    if name == "linear_probe":
        return head
    if name == "full":
        return sum(p.numel() for p in backbone.parameters())
    total = 0
    for role in method["inject"]["target_roles"]:
        out, into = shapes[role]
        if name == "ia3":
            total += into if role == "fc2" else out
        else:
            total += RANK * (out + into)
            total += out if name == "dora" else 0
            total += RANK if "orthogonality_weight" in method and method["callbacks"] else 0
    return layers * total + head


@pytest.mark.parametrize("family", SHAPES)
@pytest.mark.parametrize("name", METHODS)
def test_the_number_of_trained_parameters_equals_the_formula(name: str, family: str) -> None:
    backbone, method = adapted(name, family)
    trained = sum(p.numel() for p in backbone.parameters() if p.requires_grad)
    assert trained == expected_parameters(name, backbone, method)


@pytest.mark.parametrize("family", SHAPES)
@pytest.mark.parametrize("name", METHODS)
def test_the_loss_falls_and_the_base_stays_frozen_bit_for_bit(name: str, family: str) -> None:
    backbone, method = adapted(name, family)
    frozen = {n: p.clone() for n, p in backbone.named_parameters() if not p.requires_grad}
    losses = train(backbone, method)
    assert sum(losses[-8:]) < sum(losses[:8])
    now = dict(backbone.named_parameters())
    # PEFT's ranknum is a parameter by type only; it does not move either.
    for parameter, before in frozen.items():
        assert torch.equal(now[parameter], before), parameter


FRESH = """
import json, sys, torch
from collections import OrderedDict
from peft import PeftModel
from transformers import AutoModel

ids = torch.arange(5, 65).reshape(5, 12)
for folder, width, standardise in json.loads(sys.argv[1]):
    base = AutoModel.from_pretrained(folder + "/base")
    norm = {"norm": torch.nn.BatchNorm1d(width, affine=False)} if standardise else {}
    linear = {"linear": torch.nn.Linear(width, 1)}
    base.task_head = torch.nn.Sequential(OrderedDict(norm | linear))
    model = PeftModel.from_pretrained(base, folder + "/adapter").eval()
    with torch.no_grad():
        hidden = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        print(json.dumps(base.task_head(hidden.mean(dim=1)).tolist()))
"""


def test_a_fresh_process_with_plain_peft_gives_the_same_logits(tmp_path: Path) -> None:
    """No dnaft in that process: transformers, peft and one line for the head."""
    cases = [(method, "bert", False) for method in PEFT_METHODS]
    cases += [("adalora_rs", "opt", True), ("lora", "esm", False), ("ia3", "bert", True)]
    expected, folders = [], []
    for name, family, standardise in cases:
        folder = tmp_path / f"{name}-{family}-{standardise}"
        folder.mkdir()
        backbone, method = adapted(name, family, folder / "base", standardise)
        train(backbone, method, steps=12)
        save_model(backbone, folder)
        expected.append(logits(backbone))
        folders.append((str(folder), backbone.hidden_size, standardise))
    command = [sys.executable, "-c", FRESH, json.dumps(folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[[")]
    for answer, want, case in zip(answers, expected, cases, strict=True):
        assert want.std() > 1e-4, "logits that do not differ by row prove nothing"
        torch.testing.assert_close(torch.tensor(answer), want, rtol=0, atol=1e-5, msg=str(case))


def test_values_without_meaning_are_refused_with_their_key() -> None:
    backbone = small_backbone("bert", roles_of("bert"), "mean")
    backbone.attach_head(1)
    inject = method_config("lora")["inject"]
    for change, message in [
        ({"rank": -1}, "method.inject: rank must be above 0, got -1"),
        ({"alpha": 0}, "method.inject: alpha must be above 0, got 0"),
        ({"dropout": 1.0}, r"method.inject: dropout must lie in \[0, 1\), got 1.0"),
        ({"target_roles": ["q", "x"]}, "method.inject: role 'x' matches no module"),
        ({"target_roles": []}, "method.inject: target_roles is empty"),
    ]:
        with pytest.raises(ValueError, match=message):
            build({**inject, **change}, "method.inject")(backbone)
