from collections.abc import Callable
from functools import partial

import pytest
import torch
from peft import BOFTConfig
from torch import nn
from transformers import get_linear_schedule_with_warmup

from dnaft.methods.adalora import inject_adalora
from dnaft.methods.any_peft import inject_peft
from dnaft.methods.ia3 import inject_ia3
from dnaft.methods.lora import inject_lora
from dnaft.models.backbone import Backbone
from dnaft.optimization import AdamW
from small_methods import plain


def test_the_schedule_equals_that_of_transformers() -> None:
    """The papers' scripts use get_linear_schedule_with_warmup; ours begins one step ahead of it.

    There the first step has a rate of 0 and trains nothing.
    """
    total, warmup = 40, 10
    model = nn.Linear(2, 2)
    theirs = torch.optim.AdamW(model.parameters(), lr=1.0)
    schedule = get_linear_schedule_with_warmup(theirs, warmup, total)
    ours = AdamW(lr=1.0, warmup_fraction=0.25)
    rates = []
    for _ in range(total):
        rates.append(schedule.get_last_lr()[0])
        theirs.step()
        schedule.step()
    assert [ours.factor(step, total) for step in range(warmup, total)] == pytest.approx(
        rates[warmup:]
    )
    assert [ours.factor(step, total) for step in range(warmup)] == pytest.approx(
        [(step + 1) / 11 for step in range(warmup)]
    )


def test_groups_by_head_and_shape() -> None:
    model = nn.ModuleDict({"body": nn.Linear(3, 2), "task_head": nn.Linear(2, 2)})
    model["body"].register_parameter("lora_E", nn.Parameter(torch.zeros(4, 1)))
    frozen = nn.Parameter(torch.zeros(5, 5), requires_grad=False)
    named = [*model.named_parameters(), ("body.frozen", frozen)]
    optimizer, _ = AdamW(lr=0.1, head_lr=0.5, weight_decay=0.3).build(
        named, 10, {"task_head.weight": 7.0}, vectors={"body.lora_E"}
    )
    found = {
        (group["initial_lr"], group["weight_decay"], sum(p.numel() for p in group["params"]))
        for group in optimizer.param_groups
    }
    # Biases and what is named a vector are not decayed; the head's own rate is no multiple.
    assert found == {(0.1, 0.3, 6), (0.1, 0.0, 2 + 4), (0.5, 0.3, 4), (0.5, 0.0, 2)}


@pytest.mark.parametrize(
    "inject",
    [
        partial(inject_ia3, target_roles=("k", "fc2")),
        partial(inject_adalora, rank=1, alpha=1, target_roles=("k", "fc2")),
        partial(inject_lora, rank=1, alpha=1, target_roles=("k", "fc2")),
        partial(inject_peft, peft_config=BOFTConfig(), target_roles=("k", "fc2")),
    ],
)
def test_scales_are_not_decayed_and_matrices_of_one_column_are(
    inject: Callable[[Backbone], None],
) -> None:
    backbone = plain("bert")
    inject(backbone)
    named = [(name, p) for name, p in backbone.named_parameters() if p.requires_grad]
    optimizer, _ = AdamW(lr=0.1, weight_decay=0.3).build(named, 10, vectors=backbone.vectors)
    decayed = {id(p) for g in optimizer.param_groups if g["weight_decay"] for p in g["params"]}
    kinds = ("ia3_l", "lora_E", "boft_s")
    scales = {name for name, p in named if p.ndim < 2 or any(kind in name for kind in kinds)}
    assert {name for name, p in named if id(p) not in decayed} == scales
    # The shapes do not tell: some of one column or row are matrices, some are scales.
    assert sum(1 in p.shape and p.ndim == 2 for _, p in named) > 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lr": 0.0}, "lr must be above 0, got 0.0"),
        ({"lr": -1.0}, "lr must be above 0, got -1.0"),
        ({"lr": 1.0, "head_lr": float("nan")}, "head_lr must be above 0, got nan"),
        ({"lr": 1.0, "weight_decay": -0.1}, "weight_decay must not be negative"),
        ({"lr": 1.0, "warmup_fraction": 1.0}, r"warmup_fraction must lie in \[0, 1\)"),
        ({"lr": 1.0, "betas": (0.9, 1.0)}, r"betas must lie in \[0, 1\)"),
    ],
)
def test_numbers_without_meaning_are_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AdamW(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(("decay", "end"), [("linear", 0.0), ("cosine", 0.0), ("constant", 1.0)])
def test_the_rate_ends_where_its_shape_says(decay: str, end: float) -> None:
    schedule = AdamW(lr=1.0, decay=decay)  # type: ignore[arg-type]
    assert schedule.factor(0, 100) == 1.0
    assert schedule.factor(100, 100) == pytest.approx(end, abs=1e-12)


def test_a_warm_up_in_steps_takes_the_place_of_the_fraction() -> None:
    steps = AdamW(lr=1.0, warmup_fraction=0.5, warmup_steps=10)
    share = AdamW(lr=1.0, warmup_fraction=0.25)
    assert [steps.factor(s, 40) for s in range(41)] == [share.factor(s, 40) for s in range(41)]
    # Longer than the run: it never reaches its rate, and does not fall.
    assert AdamW(lr=1.0, warmup_steps=50).factor(39, 40) == 40 / 51
    assert AdamW(lr=1.0, warmup_steps=0).factor(0, 40) == 1.0


def test_a_warm_up_of_less_than_no_step_is_refused() -> None:
    with pytest.raises(ValueError, match="warmup_steps must be 0 or more, got -1"):
        AdamW(lr=1.0, warmup_steps=-1)
