"""HyenaDNA: what holds of any such model, its heads, precision, and its yamls."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save, save_file
from torch import Tensor
from torch.nn import functional

from dnaft.errors import InputError
from dnaft.models.backbone import ROLES
from dnaft.models.load import load_backbone
from dnaft.models.native import register
from dnaft.models.native.hyenadna import HyenaDnaConfig, HyenaDnaModel
from dnaft.models.native.hyenadna_heads import (
    HyenaDnaForCausalLM,
    HyenaDnaForSequenceClassification,
)
from dnaft.tokenizers.character import CharacterTokenizer

CONF = Path(__file__).parents[2] / "conf" / "model"
SHAPE = {"d_model": 12, "d_inner": 20, "n_layer": 2, "max_seq_len": 40, "filter_order": 10}


def start(model: Any) -> Any:
    """Bring all weights away from their start values."""
    torch.manual_seed(1)
    for name, parameter in model.named_parameters():
        torch.nn.init.normal_(parameter, mean=3.0 if "freq" in name else 0.0, std=0.3)
    return model.eval()


def small(**fields: Any) -> Any:
    return start(HyenaDnaModel(HyenaDnaConfig(**SHAPE | fields))).double()


@pytest.mark.parametrize("changed", [0, 9, 24])
def test_a_base_changes_nothing_before_it(changed: int) -> None:
    model = small()
    ids = torch.randint(7, 12, (2, 25), generator=torch.Generator().manual_seed(2))
    other = ids.clone()
    other[:, changed] = (ids[:, changed] - 7 + 1) % 5 + 7
    with torch.no_grad():
        difference = (model(ids).last_hidden_state - model(other).last_hidden_state).abs()
    before, after = difference[:, :changed], difference[:, changed:]
    assert before.numel() == 0 or before.max() < 1e-12
    assert (after.amax(dim=-1) > 1e-9).all()


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_with_a_mask_changes_nothing(side: str) -> None:
    model = small()
    rows = [torch.randint(7, 12, (length,)) for length in (14, 9, 1)]
    ids, mask = torch.full((3, 14), 4), torch.zeros(3, 14, dtype=torch.int64)
    for i, row in enumerate(rows):
        place = slice(14 - len(row), 14) if side == "left" else slice(0, len(row))
        ids[i, place], mask[i, place] = row, 1
    with torch.no_grad():
        masked, unmasked = model(ids, mask).last_hidden_state, model(ids).last_hidden_state
        alone = [model(row[None]).last_hidden_state[0] for row in rows]
    for i, want in enumerate(alone):
        real = mask[i].bool()
        torch.testing.assert_close(masked[i][real], want, rtol=0, atol=1e-12)
        # Without a mask padding is read like a token: harmless behind a row, not in front of it.
        same = torch.allclose(unmasked[i][real], want, atol=1e-9)
        assert same == (side == "right" or len(want) == 14)


@pytest.mark.parametrize("way", ["autocast", "weights"])
def test_bfloat16(way: str) -> None:
    """Matrices run in bfloat16, filters and convolutions of an autocast run do not."""
    model = small(max_seq_len=600).float()
    ids = torch.randint(7, 12, (2, 500), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        want = model(ids).last_hidden_state
        if way == "weights":
            got = model.bfloat16()(ids, output_hidden_states=True)
        else:
            kernel = model.backbone.layers[0].mixer.filter_fn.kernel(500)
            with torch.autocast("cpu", torch.bfloat16):
                got = model(ids, output_hidden_states=True)
                assert torch.equal(model.backbone.layers[0].mixer.filter_fn.kernel(500), kernel)
    assert {state.dtype for state in got.hidden_states} == {torch.float32}
    error = (got.last_hidden_state.float() - want).norm() / want.norm()
    assert 1e-4 < error < 0.03


def test_gradient_checkpointing_changes_no_gradient() -> None:
    ids = torch.randint(7, 12, (2, 20), generator=torch.Generator().manual_seed(4))
    gradients = []
    for checkpointing in (False, True):
        model = small(embed_dropout=0.0).train()
        calls: list[int] = []
        model.backbone.layers[0].mixer.register_forward_hook(lambda *_, c=calls: c.append(1))
        if checkpointing:
            model.gradient_checkpointing_enable()
        model(ids, torch.ones_like(ids)).last_hidden_state.square().sum().backward()
        assert len(calls) == (2 if checkpointing else 1)  # run again in the backward pass
        gradients.append({name: p.grad for name, p in model.named_parameters()})
    for name, gradient in gradients[0].items():
        assert gradient.abs().max() > 0, name
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-12, atol=1e-12)


def test_dropout_only_in_training() -> None:
    model, ids = small(embed_dropout=0.5), torch.full((1, 30), 8)
    with torch.no_grad():
        assert torch.equal(model(ids).last_hidden_state, model(ids).last_hidden_state)
        model.train()
        assert not torch.equal(model(ids).last_hidden_state, model(ids).last_hidden_state)


def test_random_weights() -> None:
    """Deviations as configured, what adds to the residual smaller, frequencies all alike."""
    torch.manual_seed(0)
    config = HyenaDnaConfig(d_model=64, d_inner=256, n_layer=8, max_seq_len=40, activation_freq=7)
    state = HyenaDnaForCausalLM(config).state_dict()
    layer = "hyena.backbone.layers.3"
    for name, deviation in (
        (f"{layer}.mixer.in_proj.k.weight", 0.02),
        (f"{layer}.mlp.fc1.weight", 0.02),
        (f"{layer}.mlp.fc2.weight", 0.005),
        (f"{layer}.mixer.out_proj.weight", 0.005),
        ("hyena.backbone.embeddings.word_embeddings.weight", 0.02),
    ):
        assert state[name].std().item() == pytest.approx(deviation, rel=0.1), name
    assert state[f"{layer}.mixer.filter_fn.implicit_filter.1.freq"].unique().tolist() == [7.0]


def test_vocabulary_is_padded_and_exchanged() -> None:
    model = small()
    embedding = model.get_input_embeddings()
    assert embedding.weight.shape == (16, 12)
    other = torch.nn.Embedding(20, 12, dtype=torch.float64)
    model.set_input_embeddings(other)
    ids = torch.tensor([[19, 18]])
    with torch.no_grad():
        assert torch.equal(model(ids, output_hidden_states=True).hidden_states[0], other(ids))


def test_no_longer_than_the_filters() -> None:
    model = small()
    assert model(torch.full((1, 40), 7)).last_hidden_state.shape == (1, 40, 12)
    with pytest.raises(ValueError, match="41 tokens are more than max_seq_len 40; cut the input"):
        model(torch.full((1, 41), 7))
    with pytest.raises(ValueError, match="needs input_ids"):
        model()


def test_loss_of_the_language_model() -> None:
    model = start(HyenaDnaForCausalLM(HyenaDnaConfig(**SHAPE)))
    ids = torch.randint(7, 12, (2, 9))
    labels = ids.clone()
    labels[0, 4:] = -100
    with torch.no_grad():
        got = model(ids, labels=labels)
    chances = got.logits.log_softmax(-1)
    terms = [
        -chances[row, t, labels[row, t + 1]]
        for row in range(2)
        for t in range(8)
        if labels[row, t + 1] >= 0
    ]
    assert len(terms) == 3 + 8
    assert got.loss.item() == pytest.approx(torch.stack(terms).mean().item(), rel=1e-5)


def test_the_classifier_reads_the_last_token() -> None:
    model = start(HyenaDnaForSequenceClassification(HyenaDnaConfig(**SHAPE, num_labels=3)))
    ids = torch.randint(7, 12, (4, 8))
    ids[1, 5:], ids[2, 0] = 4, 4
    masks: list[tuple[Tensor | None, list[int]]] = [
        # By the padding id: in front of the first one, the end of the row if that is at 0.
        (None, [7, 4, 7, 7]),
        (torch.tensor([[1] * 8, [1] * 5 + [0] * 3, [0] + [1] * 7, [1] + [0] * 7]), [7, 4, 7, 0]),
    ]
    for mask, last in masks:
        with torch.no_grad():
            hidden = model.hyena(ids, mask).last_hidden_state
            want = hidden[torch.arange(4), torch.tensor(last)] @ model.score.weight.T
            torch.testing.assert_close(model(ids, mask).logits, want)
    labels = torch.tensor([0, 2, 1, 1])
    got = model(ids, labels=labels)
    assert got.loss.item() == pytest.approx(functional.cross_entropy(got.logits, labels).item())
    one = start(HyenaDnaForSequenceClassification(HyenaDnaConfig(**SHAPE, num_labels=1)))
    got = one(ids, labels=labels)
    squares = (got.logits[:, 0] - labels).square()
    assert got.loss.item() == pytest.approx(squares.mean().item(), rel=1e-5)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("emb_dim", 4, "emb_dim must be odd and above 1, got 4"),
        ("emb_dim", 1, "emb_dim must be odd and above 1, got 1"),
        ("hyena_order", 3, "hyena_order 3 is a variant .* leave it at 2"),
        ("use_bias", False, "use_bias False is a variant .* leave it at True"),
        ("hyena_filter_dropout", 0.1, "hyena_filter_dropout 0.1 is a variant"),
    ],
)
def test_variants_that_do_not_exist(field: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HyenaDnaConfig(**{field: value})


# Size of model.safetensors as the hub lists it, in millions of bytes.
LISTED = {
    "hyenadna_tiny_1k": "1.81",
    "hyenadna_tiny_1k_d256": "6.64",
    "hyenadna_small_32k": "16.3",
    "hyenadna_medium_450k": "113",
}


@pytest.mark.parametrize("name", LISTED)
def test_yamls_have_the_size_of_the_published_weights(name: str) -> None:
    base, own = (yaml.safe_load((CONF / f"{n}.yaml").read_text()) for n in ("_hyenadna", name))
    architecture = base["architecture"] | own["architecture"]
    assert architecture.pop("model_type") == "hyenadna"
    state = HyenaDnaForCausalLM(HyenaDnaConfig(**architecture)).state_dict()
    digits = len(LISTED[name].partition(".")[2])
    assert f"{len(save(published(state))) / 1e6:.{digits}f}" == LISTED[name]
    assert own["max_tokens"] == architecture["max_seq_len"] == own["max_bp"] + 1


def published(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a checkpoint, where q, k and v are one matrix."""
    fused = {k: v for k, v in state.items() if ".in_proj." not in k}
    for name in state:
        stem, _, kind = name.partition(".q.")
        if kind:
            fused[f"{stem}.{kind}"] = torch.cat([state[f"{stem}.{p}.{kind}"] for p in "qkv"])
    return fused


def backbone(**changes: Any) -> Any:
    """The model of a yaml, small, as a run builds it."""
    base = yaml.safe_load((CONF / "_hyenadna.yaml").read_text())
    arguments = {
        "name": "small hyenadna",
        "roles": base["roles"],
        "pooling": base["pooling"],
        "max_tokens": 40,
        "architecture": base["architecture"] | SHAPE,
    }
    return load_backbone(**arguments | changes)


def test_a_backbone_has_all_roles() -> None:
    model = backbone()
    assert (model.layers, model.hidden_size, model.vocabulary_size) == (2, 12, 16)
    assert [role for _, role in model.matrices.values()] == 2 * list(ROLES)
    modules = dict(model.model.named_modules())
    for name, (_, role) in model.matrices.items():
        assert isinstance(modules[name], torch.nn.Linear)
        width = {"fc1": (20, 12), "fc2": (12, 20)}.get(role, (12, 12))
        assert tuple(modules[name].weight.shape) == width
    tokenizer = CharacterTokenizer("hyenadna")
    assert tokenizer.vocab_size <= model.vocabulary_size
    assert tokenizer.pad_id == model.model.config.pad_token_id
    with pytest.raises(InputError, match=r"model\.max_tokens: 41 are more than small hyenadna has"):
        backbone(max_tokens=41)


def test_a_folder_as_published(tmp_path: Path) -> None:
    """config.json names code of its own, weights have one in_proj a layer; read and written."""
    model = start(HyenaDnaForCausalLM(HyenaDnaConfig(**SHAPE)))
    auto_map = {"AutoModel": "modeling_hyena.HyenaDNAModel"}
    fields = SHAPE | {"model_type": "hyenadna", "vocab_size": 12, "auto_map": auto_map}
    (tmp_path / "config.json").write_text(json.dumps(fields))
    weights = published(model.state_dict())
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    loaded = backbone(source=str(tmp_path)).eval()
    ids = torch.randint(7, 12, (2, 9))
    mask = torch.ones_like(ids)
    with torch.no_grad():
        want = model.hyena(ids, mask).last_hidden_state
        torch.testing.assert_close(loaded.encode(ids, mask), want, rtol=0, atol=1e-6)
    for name, tensor in model.hyena.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], tensor), name
    register()
    model.save_pretrained(tmp_path / "again")
    again = load_file(tmp_path / "again" / "model.safetensors")
    assert again.keys() == weights.keys()
    assert all(torch.equal(again[name], weights[name]) for name in weights)
