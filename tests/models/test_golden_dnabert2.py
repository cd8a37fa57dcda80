"""Our DNABERT-2 against what the original computes, and against the formulas written out."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from dnaft.models.load import load_backbone
from dnaft.models.native import register
from dnaft.models.native.alibi import alibi_bias, alibi_slopes
from dnaft.models.native.dnabert2 import Dnabert2Config, Dnabert2Model
from dnaft.models.native.dnabert2_heads import (
    Dnabert2ForMaskedLM,
    Dnabert2ForSequenceClassification,
)

OURS = {
    "BertModel": Dnabert2Model,
    "BertForMaskedLM": Dnabert2ForMaskedLM,
    "BertForSequenceClassification": Dnabert2ForSequenceClassification,
}
TOLERANCE = 1e-10


def build(golden: ModuleType, model: str, name: str, attention: str) -> Any:
    """The model in float64 with the golden weights, loaded by the original's key names."""
    config = Dnabert2Config(**golden.config("dnabert2", model))
    config._attn_implementation = attention
    ours = OURS[name](config)
    ours.load_state_dict(golden.state_dict("dnabert2", model, name), strict=True)
    return ours.double().eval()


def fuse(gradients: dict[str, Tensor]) -> dict[str, Tensor]:
    """Gradients under the names of the checkpoint, q, k and v on top of each other."""
    fused: dict[str, Tensor] = {}
    for name, gradient in gradients.items():
        head, _, tail = name.partition(".Wqkv.")
        if tail:
            name = f"{head}.Wqkv.{tail.partition('.')[2]}"
            gradient = torch.cat([fused[name], gradient]) if name in fused else gradient
        fused[name] = gradient
    return fused


def test_golden_folder_has_models(golden: ModuleType) -> None:
    assert golden.models("dnabert2")
    for model in golden.models("dnabert2"):
        assert set(golden.classes("dnabert2", model)) <= set(OURS)
        assert list(golden.batches("dnabert2", model))


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_hidden_states(golden: ModuleType, attention: str) -> None:
    for model in golden.models("dnabert2"):
        ours = build(golden, model, "BertModel", attention)
        for batch in golden.batches("dnabert2", model):
            with torch.no_grad():
                got = ours(batch["input_ids"], batch["attention_mask"], output_hidden_states=True)
            assert golden.max_diff(got.last_hidden_state, batch["last_hidden_state"]) < TOLERANCE
            assert golden.max_diff(got.pooler_output, batch["pooled_output"]) < TOLERANCE
            layers = [key for key in batch if key.startswith("layer")]
            assert len(layers) == len(got.hidden_states) - 1
            for key in layers:
                state = got.hidden_states[int(key.removeprefix("layer")) + 1]
                assert golden.max_diff(state, batch[key]) < TOLERANCE


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_masked_language_model(golden: ModuleType, attention: str) -> None:
    for model in golden.models("dnabert2"):
        ours = build(golden, model, "BertForMaskedLM", attention)
        for batch in golden.batches("dnabert2", model):
            with torch.no_grad():
                got = ours(batch["input_ids"], batch["attention_mask"], batch["mlm_labels"])
            assert abs(got.loss.item() - batch["mlm_loss"].item()) < TOLERANCE
            if "mlm_logits" in batch:
                want, logits = batch["mlm_logits"], got.logits
            else:
                want, logits = batch["mlm_logits_cols"], got.logits[..., batch["mlm_cols"]]
            assert golden.max_diff(logits, want, batch["attention_mask"]) < TOLERANCE


def test_classifier_and_its_gradients(golden: ModuleType) -> None:
    for model in golden.models("dnabert2"):
        ours = build(golden, model, "BertForSequenceClassification", "sdpa")
        norms = golden.info("dnabert2")["models"][model]["cls_loss_grad_norm_sum"]
        for batch in golden.batches("dnabert2", model):
            ours.zero_grad()
            got = ours(batch["input_ids"], batch["attention_mask"], batch["cls_labels"])
            assert golden.max_diff(got.logits.detach(), batch["seqcls_logits"]) < TOLERANCE
            assert abs(got.loss.item() - batch["cls_loss"].item()) < TOLERANCE
            got.loss.backward()
            gradients = fuse({n: p.grad for n, p in ours.named_parameters()})
            for name, (norm, total) in norms[batch["name"]].items():
                assert abs(gradients[name].norm().item() - norm) < TOLERANCE, name
                assert abs(gradients[name].sum().item() - total) < TOLERANCE, name
            for key in (key for key in batch if key.startswith("grad.")):
                gradient = gradients[key.removeprefix("grad.")]
                assert golden.max_diff(gradient, batch[key]) < TOLERANCE, key


def test_slopes(golden: ModuleType) -> None:
    for heads, slopes in golden.info("dnabert2")["alibi_slopes"].items():
        assert alibi_slopes(int(heads)) == pytest.approx(slopes, rel=1e-7), heads


def test_slopes_of_twelve_heads_by_pencil() -> None:
    # Eight of the series for 8, then every second one of the series for 16: appended.
    want = [2.0**-i for i in range(1, 9)] + [2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5]
    assert alibi_slopes(12) == pytest.approx(want, rel=1e-7)
    with pytest.raises(ValueError, match="1 or more, got 0"):
        alibi_slopes(0)


def test_distances_are_exact_in_bfloat16() -> None:
    like = torch.zeros(1, dtype=torch.bfloat16)
    want = alibi_bias(alibi_slopes(8), 600, torch.zeros(1)).bfloat16()
    assert torch.equal(alibi_bias(alibi_slopes(8), 600, like), want)


def small_config(**fields: Any) -> Dnabert2Config:
    small = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4}
    return Dnabert2Config(**{"vocab_size": 50, "intermediate_size": 20, **small, **fields})


@pytest.mark.parametrize(("heads", "width"), [(1, 8), (3, 24), (6, 24), (12, 48)])
def test_other_shapes_against_the_formulas(heads: int, width: int) -> None:
    """The layer written out head by head, row by row, in float64."""
    torch.manual_seed(heads)
    config = small_config(hidden_size=width, num_attention_heads=heads)
    model = Dnabert2Model(config).double().eval()
    for parameter in model.parameters():  # biases and norms, too, are not at their start values
        torch.nn.init.normal_(parameter, std=0.3)
    ids = torch.randint(5, 50, (3, 11))
    mask = torch.ones(3, 11, dtype=torch.int64)
    mask[0, 8:] = 0
    mask[1, :4] = 0
    with torch.no_grad():
        got = model(ids, mask).last_hidden_state
        state = model.state_dict()
        for row in range(3):
            want = written_out(state, ids[row], mask[row], alibi_slopes(heads))
            assert torch.allclose(got[row], want * mask[row, :, None], atol=1e-12, rtol=0)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_one_sided_heads_and_slopes_against_the_formulas(attention: str) -> None:
    torch.manual_seed(1)
    slopes = [2.0, 0.5, 1.0, 0.125]
    config = small_config(initializer_range=0.3, one_sided_heads=True, alibi_slopes=slopes)
    config._attn_implementation = attention
    model = Dnabert2Model(config).double().eval()
    ids = torch.randint(5, 50, (2, 11))
    mask = torch.ones(2, 11, dtype=torch.int64)
    mask[0, 8:] = 0
    with torch.no_grad():
        got = model(ids, mask).last_hidden_state
        for row in range(2):
            want = written_out(model.state_dict(), ids[row], mask[row], slopes, one_sided=True)
            assert torch.allclose(got[row], want * mask[row, :, None], atol=1e-12, rtol=0)


def test_only_one_sided_heads_tell_left_from_right() -> None:
    """A token with a neighbour left of it, and the same with that neighbour right of it."""
    rows = torch.tensor([[7, 9, 8], [8, 9, 7]])
    for one_sided in (False, True):
        torch.manual_seed(1)
        config = small_config(num_hidden_layers=1, initializer_range=0.3, one_sided_heads=one_sided)
        model = Dnabert2Model(config).double().eval()
        with torch.no_grad():
            states = model(rows).last_hidden_state
        same = torch.allclose(states[0, 1], states[1, 1], atol=1e-12, rtol=0)
        assert same != one_sided


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"num_attention_heads": 3, "one_sided_heads": True}, "even num_attention_heads, got 3"),
        ({"num_attention_heads": 2, "alibi_slopes": [1.0]}, "needs 2 numbers above 0"),
        ({"num_attention_heads": 2, "alibi_slopes": [1.0, 0.0]}, r"got \[1.0, 0.0\]"),
    ],
)
def test_heads_that_cannot_be(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Dnabert2Config(hidden_size=24, **fields)


def written_out(
    state: dict[str, Tensor],
    ids: Tensor,
    mask: Tensor,
    slopes: list[float],
    one_sided: bool = False,
) -> Tensor:
    def norm(x: Tensor, name: str) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-12).sqrt()
        return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ state[f"{name}.weight"].T + state.get(f"{name}.bias", 0)

    words = state["embeddings.word_embeddings.weight"][ids]
    x = norm(words + state["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    real = mask.bool()
    place = torch.arange(len(ids), dtype=torch.float64)
    for layer in range(2):
        name = f"encoder.layer.{layer}"
        q, k, v = (linear(x, f"{name}.attention.self.Wqkv.{part}") for part in "qkv")
        size = x.shape[1] // len(slopes)
        gathered = []
        for head, slope in enumerate(slopes):
            part = slice(head * size, (head + 1) * size)
            scores = q[:, part] @ k[:, part].T / size**0.5
            scores = scores - slope * (place[:, None] - place[None, :]).abs()
            scores = scores.masked_fill(~real[None, :], -1e6)  # padding may see padding alone
            if one_sided:
                left = place[None, :] <= place[:, None]
                seen = left if head < len(slopes) // 2 else left.T
                scores = scores.masked_fill(~seen, float("-inf"))
            gathered.append(scores.softmax(-1) @ v[:, part])
        x = norm(
            linear(torch.cat(gathered, -1), f"{name}.attention.output.dense") + x,
            f"{name}.attention.output.LayerNorm",
        )
        gate, value = linear(x, f"{name}.mlp.gated_layers").chunk(2, -1)
        activated = gate * 0.5 * (1 + torch.erf(gate / 2**0.5)) * value
        x = norm(linear(activated, f"{name}.mlp.wo") + x, f"{name}.mlp.layernorm")
    return x


def test_hub_folder_loads_as_published(golden: ModuleType, tmp_path: Path) -> None:
    """The hub's config.json says "bert" and names code of its own; neither is used."""
    for model in golden.models("dnabert2"):
        config = golden.config("dnabert2", model)
        auto_map = {"AutoModel": "bert_layers.BertModel"}
        fields = json.dumps({**config, "model_type": "bert", "auto_map": auto_map})
        (tmp_path / "config.json").write_text(fields)
        weights = golden.state_dict("dnabert2", model, "BertForMaskedLM")
        save_file({k: v.clone() for k, v in weights.items()}, tmp_path / "model.safetensors")
        backbone = load_backbone(
            "dnabert2",
            {"q": "encoder.layer.{layer}.attention.self.Wqkv.q"},
            "mean",
            512,
            source=str(tmp_path),
            architecture={"model_type": "dnabert2"},
        )
        backbone.double().eval()
        for batch in golden.batches("dnabert2", model):
            with torch.no_grad():
                got = backbone.encode(batch["input_ids"], batch["attention_mask"])
            assert golden.max_diff(got, batch["last_hidden_state"]) < TOLERANCE


def test_saved_under_the_published_names(golden: ModuleType, tmp_path: Path) -> None:
    register()
    for model in golden.models("dnabert2"):
        ours = build(golden, model, "BertForMaskedLM", "sdpa").float()
        ours.save_pretrained(tmp_path)
        saved = load_file(tmp_path / "model.safetensors")
        want = golden.state_dict("dnabert2", model, "BertForMaskedLM")
        del want["cls.predictions.decoder.weight"]  # tied, kept once
        assert saved.keys() == want.keys()
        assert all(torch.equal(saved[name], want[name]) for name in want)


def test_loss_of_one_output_is_the_squared_error() -> None:
    torch.manual_seed(1)
    config = Dnabert2Config(
        vocab_size=20,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        num_labels=1,
    )
    model = Dnabert2ForSequenceClassification(config).eval()
    labels = torch.tensor([0.5, -1.0])
    got = model(torch.randint(5, 20, (2, 7)), labels=labels)
    assert got.loss.item() == pytest.approx(
        functional.mse_loss(got.logits.detach()[:, 0], labels).item()
    )


def test_heads_must_share_the_width() -> None:
    with pytest.raises(ValueError, match="hidden_size 10 is no multiple"):
        Dnabert2Config(hidden_size=10, num_attention_heads=4)
