"""Our GENA-LM against its formulas written out, and against facts of the published files."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from dnaft.models.architecture import build_config
from dnaft.models.native import register
from dnaft.models.native.gena_lm import GenaLmConfig, GenaLmModel
from dnaft.models.native.gena_lm_heads import GenaLmForMaskedLM
from small_models import model_node

SHAPE: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": 12,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "max_position_embeddings": 16,
}


def random_weights(model: torch.nn.Module) -> dict[str, Tensor]:
    """Weights of size 1, norms and biases included: with the usual ones, much goes unnoticed."""
    generator = torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        parameter.data.normal_(std=0.5, generator=generator)
    return {name: value.double() for name, value in model.state_dict().items()}


def norm(x: Tensor, weights: dict[str, Tensor], name: str, eps: float) -> Tensor:
    centred = x - x.mean()
    scaled = centred / math.sqrt(float((centred**2).mean()) + eps)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def affine(x: Tensor, weights: dict[str, Tensor], name: str) -> Tensor:
    return weights[f"{name}.weight"] @ x + weights[f"{name}.bias"]


def slow_states(
    config: GenaLmConfig, weights: dict[str, Tensor], ids: list[int], types: list[int]
) -> Iterator[list[Tensor]]:
    """Embeddings and the output of each layer, token by token, head by head."""
    heads, eps = config.num_attention_heads, config.layer_norm_eps
    size = config.hidden_size // heads
    table = {
        part: weights[f"embeddings.{part}_embeddings.weight"]
        for part in ("word", "position", "token_type")
    }
    x = [
        norm(
            table["word"][token] + table["position"][place] + table["token_type"][kind],
            weights,
            "embeddings.LayerNorm",
            eps,
        )
        for place, (token, kind) in enumerate(zip(ids, types, strict=True))
    ]
    yield x
    for layer in range(config.num_hidden_layers):
        name = f"encoder.layer.{layer}"
        before = [norm(token, weights, f"{name}.pre_attention_ln", eps) for token in x]
        q, k, v = (
            [affine(token, weights, f"{name}.attention.self.{part}") for token in before]
            for part in ("query", "key", "value")
        )
        mixed = []
        for place in range(len(x)):
            pieces = []
            for head in range(heads):
                of_head = slice(head * size, (head + 1) * size)
                scores = [
                    math.exp(float(q[place][of_head] @ key[of_head]) / math.sqrt(size)) for key in k
                ]
                shares = [score / sum(scores) for score in scores]
                pieces.append(sum(s * value[of_head] for s, value in zip(shares, v, strict=True)))
            mixed.append(torch.cat(pieces))  # type: ignore[arg-type]
        projected = [affine(token, weights, f"{name}.attention.output.dense") for token in mixed]
        x = [token + added for token, added in zip(x, projected, strict=True)]
        inner = []
        for token in x:
            middle = norm(token, weights, f"{name}.post_attention_ln", eps)
            wide = affine(middle, weights, f"{name}.intermediate.dense")
            gelu = torch.tensor([0.5 * w * (1 + math.erf(w / math.sqrt(2))) for w in wide.tolist()])
            inner.append(affine(gelu.to(wide.dtype), weights, f"{name}.output.dense"))
        x = [token + added for token, added in zip(x, inner, strict=True)]
        if layer == config.num_hidden_layers - 1 and config.last_layer_norm is not False:
            x = [norm(token, weights, "encoder.last_layer_ln", eps) for token in x]
        yield x


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("last", [True, False, None])
def test_hidden_states_are_those_of_the_formulas(attention: str, last: bool | None) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        config = GenaLmConfig(**SHAPE, layer_norm_eps=1e-5, last_layer_norm=last)
        config._attn_implementation = attention
        model = GenaLmModel(config).double().eval()
        weights = random_weights(model)
        rows = [[1, 9, 30, 7, 2], [1, 8, 2]]
        types = [[0, 0, 1, 1, 1], [0, 1, 1]]
        padded = torch.tensor([rows[0], [*rows[1], 3, 3]])
        padded_types = torch.tensor([types[0], [*types[1], 0, 0]])
        mask = torch.tensor([[1] * 5, [1, 1, 1, 0, 0]])
        with torch.no_grad():
            got = model(padded, mask, padded_types, output_hidden_states=True)
        assert len(got.hidden_states) == 4
        for row, (ids, kinds) in enumerate(zip(rows, types, strict=True)):
            for level, states in enumerate(slow_states(config, weights, ids, kinds)):
                ours = got.hidden_states[level][row, : len(ids)]
                torch.testing.assert_close(ours, torch.stack(states), rtol=0, atol=1e-10)
        assert torch.equal(got.last_hidden_state, got.hidden_states[-1])
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    ("name", "tensors"), [("gena_lm_base_t2t_multi", 205), ("gena_lm_large_t2t", 399)]
)
def test_checkpoints_have_as_many_tensors_as_the_published(name: str, tensors: int) -> None:
    """Counted with the buffer position_ids, which is not kept here."""
    register()
    with torch.device("meta"):
        model = GenaLmForMaskedLM(build_config(model_node(name)["architecture"]))
    assert len(model.state_dict()) + 1 == tensors


def test_a_checkpoint_with_position_ids_loads_strictly() -> None:
    model = GenaLmForMaskedLM(GenaLmConfig(**SHAPE))
    weights = random_weights(model)
    weights["bert.embeddings.position_ids"] = torch.arange(16).unsqueeze(0)
    other = GenaLmForMaskedLM(GenaLmConfig(**SHAPE))
    other.load_state_dict(weights, strict=True)
    ids = torch.tensor([[1, 9, 30, 7, 2]])
    with torch.no_grad():
        assert torch.equal(other.eval()(ids).logits, model.eval()(ids).logits)


def test_the_language_model_scores_tokens_by_their_embedding() -> None:
    model = GenaLmForMaskedLM(GenaLmConfig(**SHAPE)).double().eval()
    labels = torch.tensor([[-100, 5, -100, 0, -100]])
    output = model(torch.tensor([[1, 9, 30, 7, 2]]), labels=labels)
    expected = output.logits[0].log_softmax(dim=-1)
    torch.testing.assert_close(output.loss, -(expected[1, 5] + expected[3, 0]) / 2)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"num_attention_heads": 5}, "hidden_size 12 is no multiple of num_attention_heads 5"),
        ({"pre_layer_norm": False}, "pre_layer_norm: gena_lm is for True only, got False; for a"),
        ({"position_embedding_type": "rotary"}, "is for 'absolute' only, got 'rotary'"),
        ({"hidden_act": "relu"}, "hidden_act: gena_lm is for 'gelu' only, got 'relu'"),
    ],
)
def test_other_forms_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GenaLmConfig(**{**SHAPE, **fields})
