"""Models over one frozen trunk compute what each computes by itself."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from dnaft.methods.adalora import inject_adalora
from dnaft.methods.bitfit import inject_bitfit
from dnaft.methods.fuse import fuse_adapters
from dnaft.methods.lora import inject_lora
from dnaft.methods.slot_layer import CannotShareError
from dnaft.models.backbone import Backbone
from dnaft.together.shared_pass import Backward, Forward, SharedPass
from small_methods import plain
from small_models import built, small_node

# One of each architecture of conf/model with an architecture in its yaml.
MODELS = [
    "dnabert6", "nt_500m_human_ref", "opt_125m", "opt_350m", "nt_v2_50m", "dnabert2",
    "gena_lm_base", "gena_lm_base_lastln_t2t", "generator_eukaryote_1b2",
    "hyenadna_tiny_1k", "moderngena_base",
    "nucleotide_unet",
]  # fmt: skip
RANKS = (2, 5, 3)
# Unequal rows and lengths, one of them padded.
IDS = [torch.randint(2, 7, shape, generator=torch.Generator().manual_seed(0)) for shape in
       ((4, 12), (3, 9), (4, 11))]  # fmt: skip
MASKS = [torch.ones_like(ids) for ids in IDS]
MASKS[0][1, 7:] = 0


def without_dropout(backbone: Backbone) -> None:
    for module in backbone.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for name in ("dropout", "attention_dropout", "dropout_prob", "attn_dropout"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
        if hasattr(module, "config"):
            module.config.attention_probs_dropout_prob = 0.0


def members(base: Backbone, inject: Callable[..., None]) -> list[Backbone]:
    """Copies of a model with adapters of three ranks, drawn, in float64."""
    made = []
    roles = tuple(dict.fromkeys(role for _, role in base.matrices.values()))
    for seed, rank in enumerate(RANKS):
        backbone = copy.deepcopy(base)
        torch.manual_seed(seed)
        inject(backbone, rank, 4 + seed, roles)
        backbone.double()
        fuse_adapters(backbone)
        without_dropout(backbone)
        for parameter in backbone.parameters():
            if parameter.requires_grad:
                parameter.data += 0.3 * torch.randn_like(parameter)
        made.append(backbone.train())
    return made


def joined(backbones: list[Backbone]) -> SharedPass:
    shared = SharedPass()
    for number, backbone in enumerate(backbones):
        shared.join(number, backbone)
    return shared


def forward(shared: SharedPass, numbers: tuple[int, ...] = (0, 1, 2)) -> dict[int, Tensor]:
    asked = {n: Forward(IDS[n], MASKS[n], None, None, 1) for n in numbers}
    return {n: answer[0] for n, answer in shared.answer(asked).items()}


def check_equal(base: Backbone, inject: Callable[..., None]) -> None:
    backbones = members(base, inject)
    alone = copy.deepcopy(backbones)
    shared = joined(backbones)
    found = forward(shared)
    gradients = {}
    for number, backbone in enumerate(alone):
        real = MASKS[number].bool()
        expected = backbone.encode(IDS[number], MASKS[number])
        torch.testing.assert_close(found[number][real], expected[real], rtol=1e-9, atol=1e-9)
        gradients[number] = torch.randn_like(expected) * real.unsqueeze(2)
        expected.backward(gradients[number])
    shared.answer({n: Backward(gradient) for n, gradient in gradients.items()})
    for number, backbone in enumerate(alone):
        own = dict(backbones[number].named_parameters())
        assert sum(p.grad is not None for p in own.values()) > 0
        for name, parameter in backbone.named_parameters():
            if parameter.grad is None:
                assert own[name].grad is None, name
            else:
                torch.testing.assert_close(own[name].grad, parameter.grad, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("inject", [inject_lora, inject_adalora])
@pytest.mark.parametrize("family", ["bert", "esm", "opt"])
def test_states_and_gradients_are_those_of_each_model(
    family: str, inject: Callable[..., None]
) -> None:
    check_equal(plain(family), inject)


@pytest.mark.parametrize("name", MODELS)
def test_every_architecture_keeps_the_rows_of_runs_apart(name: str) -> None:
    backbone = built(small_node(name))
    backbone.attach_head(1, positions=12)
    check_equal(backbone, inject_lora)


def test_one_that_leaves_keeps_its_weights_and_the_others_go_on() -> None:
    backbones = members(plain("bert"), inject_lora)
    alone = copy.deepcopy(backbones)
    shared = joined(backbones)
    before = forward(shared)
    shared.leave(1)
    after = forward(shared, (0, 2))
    for number in (0, 2):
        torch.testing.assert_close(after[number], before[number], rtol=1e-12, atol=1e-12)
    for found, expected in zip(backbones, alone, strict=True):
        torch.testing.assert_close(found.state_dict(), expected.state_dict())
    assert all(p.is_contiguous() for p in backbones[1].parameters() if p.requires_grad)
    storages = [p.untyped_storage().nbytes() - p.nbytes for p in backbones[1].parameters()]
    assert not any(storages)


def test_frozen_weights_are_held_once() -> None:
    backbones = members(plain("bert"), inject_lora)
    joined(backbones)
    held = [
        {p.data_ptr() for n, p in b.trunk.named_parameters() if "base_layer" in n}
        for b in backbones
    ]
    assert held[0] == held[1] == held[2]


def test_what_breaks_in_one_run_does_not_reach_the_others() -> None:
    backbones = members(plain("bert"), inject_lora)
    alone = copy.deepcopy(backbones)
    shared = joined(backbones)
    for parameter in backbones[1].parameters():
        if parameter.requires_grad:
            parameter.data.fill_(torch.nan)
    found = forward(shared)
    assert found[1].isnan().all()
    shared.answer({n: Backward(torch.ones_like(states)) for n, states in found.items()})
    for number in (0, 2):
        expected = alone[number].encode(IDS[number], MASKS[number])
        torch.testing.assert_close(
            found[number][MASKS[number].bool()], expected[MASKS[number].bool()]
        )
        trained = [p for p in backbones[number].trunk.parameters() if p.grad is not None]
        assert trained
        assert not any(p.grad.isnan().any() for p in trained if p.grad is not None)


def test_gradients_add_up_to_those_that_are_there() -> None:
    backbones = members(plain("bert"), inject_adalora)
    shared = joined(backbones)
    found: list[list[Tensor]] = []
    for _ in range(2):
        states = forward(shared)
        shared.answer({n: Backward(torch.ones_like(s)) for n, s in states.items()})
        grads = [p.grad for p in backbones[1].parameters() if p.grad is not None]
        found.append([grad.clone() for grad in grads])
    for once, twice in zip(*found, strict=True):
        torch.testing.assert_close(twice, 2 * once)


def refused(change: Callable[[Backbone], None]) -> str:
    backbones = members(plain("bert"), inject_lora)
    shared = joined(backbones[:1])
    change(backbones[1])
    with pytest.raises(CannotShareError) as caught:
        shared.join(1, backbones[1])
    return str(caught.value)


def test_what_cannot_be_trained_together_is_refused() -> None:
    def move(backbone: Backbone) -> None:
        next(backbone.trunk.parameters()).data += 1

    def thaw(backbone: Backbone) -> None:
        next(backbone.trunk.parameters()).requires_grad_(True)

    assert refused(move).startswith("its frozen weights differ from those beside it (")
    assert refused(thaw).endswith("trains, too")
    shared = joined(members(plain("bert"), inject_lora)[:1])
    with pytest.raises(CannotShareError, match="of another kind"):
        shared.join(1, members(plain("bert"), inject_adalora)[0])
    few = plain("bert")
    inject_lora(few, 2, 4, ("q",))
    fuse_adapters(few)
    with pytest.raises(CannotShareError, match="other matrices"):
        shared.join(1, few)
    decomposed = plain("bert")
    inject_lora(decomposed, 2, 4, ("q",), weight_decomposed=True)
    fuse_adapters(decomposed)
    with pytest.raises(CannotShareError, match="more than a frozen matrix"):
        SharedPass().join(0, decomposed)
    biases = plain("bert")
    inject_bitfit(biases)
    with pytest.raises(CannotShareError, match="trains, too"):
        SharedPass().join(0, biases)
