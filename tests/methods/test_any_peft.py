"""method=peft: which configurations of PEFT work, and what becomes of the others."""

import re
from pathlib import Path
from typing import Any

import peft
import pytest
import torch

from dnaft.config import build
from dnaft.methods.adapt import load_adapter
from dnaft.methods.any_peft import inject_peft
from dnaft.models.backbone import Backbone
from dnaft.saved_run import ADAPTER, save_model
from small_methods import CONF, IDS, MASK, logits, plain

ROLES = ("q", "k", "v", "o", "fc1", "fc2")
# Fields that fit matrices of 16 and 24 features; {} where PEFT's defaults do.
SERVED: dict[str, dict[str, Any]] = {
    "AdamssConfig": {},
    "BeftConfig": {},
    "BOFTConfig": {},
    "C3AConfig": {"block_size": 8},
    "DeftConfig": {},
    "DeloraConfig": {},
    "FourierFTConfig": {"n_frequency": 10},
    "FrodConfig": {},
    "GloraConfig": {},
    "GraloraConfig": {},
    "HiraConfig": {},
    "HRAConfig": {},
    "IA3Config": {"feedforward_modules": []},
    "LilyConfig": {},
    "LNTuningConfig": {},
    "LoHaConfig": {},
    "LoKrConfig": {},
    "LoraConfig": {},
    "MissConfig": {"r": 4},
    "OFTConfig": {},
    "OSFConfig": {},
    "PeanutConfig": {},
    "PrefixTuningConfig": {},
    "PromptEncoderConfig": {},
    "PromptTuningConfig": {},
    "PsoftConfig": {"r": 4},
    "PveraConfig": {},
    "RandLoraConfig": {},
    "RoadConfig": {"group_size": 8},
    "ShiraConfig": {"r": 2},
    "SupertuningConfig": {},
    "TinyLoraConfig": {},
    "UniLoraConfig": {},
    "VBLoRAConfig": {"vector_length": 8, "num_vectors": 4, "topk": 2},
    "VeraConfig": {},
    "WaveFTConfig": {"n_frequency": 10},
}
REFUSED = {
    "AdaLoraConfig": "take method=adalora",
    "AdaptionPromptConfig": "no modules_to_save",
    "CartridgeConfig": "not served; of prompt learning there is PROMPT_TUNING",
    "CPTConfig": "CAUSAL_LM",
    "MultitaskPromptTuningConfig": "not served; of prompt learning there is PROMPT_TUNING",
    "PolyConfig": "task_ids",
    "ShadowConfig": "does not work with small bert",
    "TrainableTokensConfig": "no modules_to_save",
    "XLoraConfig": "no modules_to_save",
}
# What some must be given.
REQUIRED = {"AdaLoraConfig": {"total_step": 10}}


def test_every_configuration_of_peft_is_tried() -> None:
    known = {config.__name__ for config in peft.PEFT_TYPE_TO_CONFIG_MAPPING.values()}
    assert known == SERVED.keys() | REFUSED.keys()


def node(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "_target_": "dnaft.methods.any_peft.inject_peft",
        "_partial_": True,
        "peft_config": {"_target_": f"peft.{name}", **fields},
        "target_roles": list(ROLES),
        "virtual_tokens": 3 if issubclass(getattr(peft, name), peft.PromptLearningConfig) else 0,
    }


def train(backbone: Backbone) -> None:
    """Train what is not frozen for two steps."""
    optimizer = torch.optim.SGD([p for p in backbone.parameters() if p.requires_grad], lr=0.05)
    for _ in range(2):
        optimizer.zero_grad()
        loss = torch.nn.functional.softplus(backbone.train()(IDS, MASK))
        loss.mean().backward()
        optimizer.step()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", SERVED)
def test_the_adapter_trains_alone_and_loads_again(name: str, tmp_path: Path) -> None:
    backbone = plain("bert")
    before = {n: p.clone() for n, p in backbone.model.state_dict().items()}
    build(node(name, **SERVED[name]), "method.inject")(backbone)
    trained = [p for n, p in backbone.named_parameters() if p.requires_grad and "head" not in n]
    assert trained
    train(backbone)
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in trained)
    save_model(backbone, tmp_path)
    again = plain("bert")
    assert all(torch.equal(again.model.state_dict()[n], p) for n, p in before.items())
    load_adapter(again, tmp_path / ADAPTER)
    torch.testing.assert_close(logits(again), logits(backbone), rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", SERVED)
def test_what_is_frozen_is_what_it_was(name: str) -> None:
    """A run keeps none of it, so nothing else can be put back after training or on loading."""
    backbone = plain("bert")
    before = {n: p.clone() for n, p in backbone.trunk.named_parameters() if "head" not in n}
    build(node(name, **SERVED[name]), "method.inject")(backbone)
    after = {n.replace(".base_layer", ""): p for n, p in backbone.trunk.named_parameters()}
    kept = before.keys() & {n for n, p in after.items() if not p.requires_grad}
    assert kept
    assert all(torch.equal(before[n], after[n]) for n in kept)


# How PEFT lets LoRA begin, and whether the run that is saved is the one that was trained.
STARTS = {
    "gaussian": True, "orthogonal": True, "mica": True, "pissa": False, "pissa_niter_2": False,
    "olora": False, "loftq": False, "eva": False, "corda": False, "lora_ga": False,
}  # fmt: skip


@pytest.mark.parametrize("start", STARTS)
def test_lora_begins_without_changing_what_is_frozen(start: str, tmp_path: Path) -> None:
    needed = {"loftq_config": {"loftq_bits": 4}} if start == "loftq" else {}
    inject = build(node("LoraConfig", r=4, init_lora_weights=start, **needed), "method.inject")
    if not STARTS[start]:
        with pytest.raises(ValueError, match=f"init_lora_weights={start}"):
            inject(plain("bert"))
        return
    backbone = plain("bert")
    inject(backbone)
    train(backbone)
    save_model(backbone, tmp_path)
    again = plain("bert")
    load_adapter(again, tmp_path / ADAPTER)
    assert (logits(backbone) - logits(plain("bert"))).abs().max() > 1e-4
    torch.testing.assert_close(logits(again), logits(backbone), rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_with_its_key(name: str) -> None:
    with pytest.raises(ValueError, match=REFUSED[name]) as refused:
        build(node(name, **REQUIRED.get(name, {})), "method.inject")(plain("bert"))
    assert str(refused.value).startswith("method.inject")


def test_modules_that_are_given_stay() -> None:
    backbone = plain("bert")
    config = peft.HRAConfig(r=2, target_modules=["query"], modules_to_save=["embeddings.LayerNorm"])
    inject_peft(backbone, config, ROLES)
    trained = {n for n, p in backbone.named_parameters() if p.requires_grad}
    assert all(re.search(r"query|task_head|embeddings\.LayerNorm", n) for n in trained)
    assert any("embeddings.LayerNorm" in n for n in trained)
    assert config.modules_to_save == ["embeddings.LayerNorm"], "the configuration is left alone"


def test_norms_are_what_ln_tuning_adapts() -> None:
    backbone = plain("bert")
    inject_peft(backbone, peft.LNTuningConfig(), ROLES)
    trained = {n for n, p in backbone.named_parameters() if p.requires_grad}
    assert len(trained) == 2 * 2 * 2 + 2  # weight and bias of two norms in two layers, the head
    assert all("LayerNorm" in n or "task_head" in n for n in trained)


def test_what_is_no_configuration_is_refused() -> None:
    with pytest.raises(ValueError, match=r"peft_config\._target_: int is no configuration of PEFT"):
        inject_peft(plain("bert"), 3, ROLES)  # type: ignore[arg-type]


def test_the_docs_list_what_works() -> None:
    text = (CONF.parent / "docs" / "methods.md").read_text()
    listed = re.search(r"These work[^:]*: (.*?)\.\n", text, re.DOTALL)
    assert listed is not None
    assert re.findall(r"`(\w+)`", listed[1]) == [n.removesuffix("Config") for n in SERVED]
