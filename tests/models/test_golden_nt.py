"""Nucleotide Transformers, ours and transformers' ESM, against what the originals compute."""

import json
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional
from transformers import (
    EsmConfig,
    EsmForMaskedLM,
    EsmForSequenceClassification,
)

from dnaft.config import build
from dnaft.models.architecture import build_config
from dnaft.models.load import load_backbone
from dnaft.models.native import nt_v2, register, rotary
from dnaft.models.native.nt_v2 import NTv2Config, NTv2Model
from dnaft.models.native.nt_v2_heads import NTv2ForMaskedLM, NTv2ForSequenceClassification
from dnaft.models.native.rotary import inverse_frequencies, rotation
from small_models import composed, model_node

OURS = {
    "v1": {
        "EsmForMaskedLM": EsmForMaskedLM,
        "EsmForSequenceClassification": EsmForSequenceClassification,
    },
    "v2": {
        "EsmForMaskedLM": NTv2ForMaskedLM,
        "EsmForSequenceClassification": NTv2ForSequenceClassification,
    },
}
MODEL_TYPES = {"v1": "esm", "v2": "nt_v2"}
INPUTS = ("input_ids", "attention_mask", "cls_labels", "mlm_labels", "mlm_cols", "name")
TOLERANCE = 1e-10
ROLES = {"q": "encoder.layer.{layer}.attention.self.query"}
SIZES = {"vocab_size": 40, "num_hidden_layers": 2, "intermediate_size": 10}
both_attentions = pytest.mark.parametrize("attention", ["sdpa", "eager"])


def family_of(golden: ModuleType, model: str) -> str:
    family: str = golden.info("nt")["models"][model]["family"]
    return family


def restored(golden: ModuleType, model: str, name: str, attention: str = "sdpa") -> Any:
    """The model in float64 with the golden weights, loaded by the original's key names."""
    family = family_of(golden, model)
    config: Any = {"v1": EsmConfig, "v2": NTv2Config}[family](**golden.config("nt", model))
    config._attn_implementation = attention
    ours = OURS[family][name](config)
    ours.load_state_dict(golden.state_dict("nt", model, name), strict=True)
    return ours.double().eval()


def check(golden: ModuleType, got: dict[str, Tensor], batch: dict[str, Any]) -> None:
    """Compare at real tokens, or everything that has no tokens: one value a row, or one in all."""
    for key, value in got.items():
        rows_of_tokens = value.shape[:2] == batch["input_ids"].shape
        mask = batch["attention_mask"] if rows_of_tokens else None
        assert value.shape == batch[key].shape, key
        assert golden.max_diff(value.detach(), batch[key], mask) < TOLERANCE, (batch["name"], key)


def encoder_outputs(encoder: Any, batch: dict[str, Any]) -> dict[str, Tensor]:
    with torch.no_grad():
        got = encoder(batch["input_ids"], batch["attention_mask"], output_hidden_states=True)
    states = {f"hidden{i}": state for i, state in enumerate(got.hidden_states[:-1])}
    return states | {"last_hidden_state": got.last_hidden_state}


def lm_outputs(model: Any, batch: dict[str, Any]) -> dict[str, Tensor]:
    with torch.no_grad():
        got = model(batch["input_ids"], batch["attention_mask"], labels=batch.get("mlm_labels"))
    key = "mlm_logits" if "mlm_logits" in batch else "mlm_logits_cols"
    logits = got.logits if key == "mlm_logits" else got.logits[..., batch["mlm_cols"]]
    loss = {} if got.loss is None else {"mlm_loss": got.loss.reshape(1)}
    return {key: logits} | loss


def classifier_outputs(model: Any, batch: dict[str, Any]) -> dict[str, Tensor]:
    model.zero_grad()
    got = model(batch["input_ids"], batch["attention_mask"], labels=batch["cls_labels"])
    got.loss.backward()
    wanted = (key.removeprefix("grad.") for key in batch if key.startswith("grad."))
    gradients = {f"grad.{name}": model.get_parameter(name).grad for name in wanted}
    return {"seqcls_logits": got.logits, "cls_loss": got.loss.reshape(1)} | gradients


@both_attentions
def test_all_outputs(golden: ModuleType, attention: str) -> None:
    """Every model, batch and key there is; one that is not understood is an error."""
    assert {family_of(golden, model) for model in golden.models("nt")} == set(OURS)
    for model in golden.models("nt"):
        assert set(golden.classes("nt", model)) == set(OURS[family_of(golden, model)])
        lm = restored(golden, model, "EsmForMaskedLM", attention)
        classifier = restored(golden, model, "EsmForSequenceClassification", attention)
        norms = golden.info("nt")["models"][model]["cls_loss_grad_norm_sum"]
        for batch in golden.batches("nt", model):
            got = encoder_outputs(lm.esm, batch) | lm_outputs(lm, batch)
            got |= classifier_outputs(classifier, batch)
            check(golden, got, batch)
            exact = {key for key in batch if key.startswith("exactfreq.")}
            assert set(batch) - set(INPUTS) - exact == set(got)
            for name, (norm, total) in norms[batch["name"]].items():
                gradient = classifier.get_parameter(name).grad
                assert abs(gradient.norm().item() - norm) < TOLERANCE, name
                assert abs(gradient.sum().item() - total) < TOLERANCE, name


def test_exact_rotary_frequencies(golden: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """With unrounded frequencies the other set of outputs comes out; the sets are not one."""
    rounded, checked = rotary.inverse_frequencies, set()
    for model in golden.models("nt"):
        for batch in golden.batches("nt", model):
            want = {k.partition(".")[2]: v for k, v in batch.items() if k.startswith("exactfreq.")}
            if not want:
                continue
            lm = restored(golden, model, "EsmForMaskedLM")
            classifier = restored(golden, model, "EsmForSequenceClassification")
            monkeypatch.setattr(rotary, "inverse_frequencies", rounded)
            near = encoder_outputs(lm.esm, batch)["last_hidden_state"]
            monkeypatch.setattr(
                rotary, "inverse_frequencies", lambda d: [10000 ** (-i / d) for i in range(0, d, 2)]
            )
            got = encoder_outputs(lm.esm, batch) | lm_outputs(lm, batch)
            got |= classifier_outputs(classifier, batch)
            check(golden, {key: got[key] for key in want}, {**batch, **want})
            mask = batch["attention_mask"]
            assert golden.max_diff(near, want["last_hidden_state"], mask) > 100 * TOLERANCE
            checked.add(model)
    assert checked == {m for m in golden.models("nt") if family_of(golden, m) == "v2"}


def test_frequencies_are_those_in_the_checkpoint(golden: ModuleType) -> None:
    for model in golden.models("nt"):
        weights = golden.state_dict("nt", model, "EsmForMaskedLM")
        for stored in (v for k, v in weights.items() if k.endswith("inv_freq")):
            assert inverse_frequencies(2 * len(stored)) == stored.tolist()


def test_angles_do_not_depend_on_the_type_of_the_model() -> None:
    wide = rotation(8, 2048, torch.zeros(1))
    assert torch.equal(rotation(8, 2048, torch.zeros(1).bfloat16()), wide)
    # By pencil: the first pair turns by 1 a position, the second by 10000^(-1/4) = 0.1.
    assert wide[0, 2, :2].tolist() == pytest.approx([-0.4161468, 0.9800666], abs=1e-6)
    assert wide[1, 2, :2].tolist() == pytest.approx([0.9092974, 0.1986693], abs=1e-6)


def test_float32(golden: ModuleType) -> None:
    for model in golden.models("nt"):
        lm = restored(golden, model, "EsmForMaskedLM").float()
        for batch in golden.batches("nt", model):
            got = encoder_outputs(lm.esm, batch)["last_hidden_state"]
            mask = batch["attention_mask"]
            assert got.dtype == torch.float32
            assert golden.max_diff(got, batch["last_hidden_state"], mask) < 5e-5


def publish(golden: ModuleType, model: str, folder: Path) -> dict[str, Tensor]:
    """Write a folder as on the hub: v2's config.json says "esm" and names code of its own."""
    fields = {**golden.config("nt", model), "model_type": "esm"}
    if family_of(golden, model) == "v2":
        fields["auto_map"] = {"AutoModelForMaskedLM": "modeling_esm.EsmForMaskedLM"}
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(fields))
    weights: dict[str, Tensor] = golden.state_dict("nt", model, "EsmForMaskedLM")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return weights


@both_attentions
def test_hub_folder_loads_as_published(golden: ModuleType, attention: str, tmp_path: Path) -> None:
    for model in golden.models("nt"):
        publish(golden, model, tmp_path / model)
        backbone = load_backbone(
            model,
            ROLES,
            "mean",
            max_tokens=200,
            source=str(tmp_path / model),
            architecture={"model_type": MODEL_TYPES[family_of(golden, model)]},
            attention=attention,
        )
        backbone.double().eval()
        for batch in golden.batches("nt", model):
            with torch.no_grad():
                got = backbone.encode(batch["input_ids"], batch["attention_mask"])
            check(golden, {"last_hidden_state": got}, batch)


def test_saved_under_the_published_names(golden: ModuleType, tmp_path: Path) -> None:
    register()
    for model in golden.models("nt"):
        if family_of(golden, model) == "v2":
            published = publish(golden, model, tmp_path / model)
            restored(golden, model, "EsmForMaskedLM").float().save_pretrained(tmp_path / "saved")
            saved = load_file(tmp_path / "saved" / "model.safetensors")
            unused = {n for n in published if n.endswith(nt_v2.UNUSED) or "contact_head." in n}
            assert saved.keys() == published.keys() - unused
            assert all(torch.equal(saved[name], published[name]) for name in saved)


@pytest.mark.parametrize(("heads", "width"), [(1, 6), (3, 12), (5, 20), (6, 48)])
@pytest.mark.parametrize("extras", [False, True])
def test_other_shapes_against_the_formulas(heads: int, width: int, extras: bool) -> None:
    """Row by row, head by head, in float64; padding left, right and inside, mask tokens."""
    torch.manual_seed(heads)
    config = NTv2Config(
        **SIZES,
        hidden_size=width,
        num_attention_heads=heads,
        add_bias_fnn=extras,
        emb_layer_norm_before=extras,
        token_dropout=extras,
    )
    model = NTv2ForMaskedLM(config).double().eval()
    for parameter in model.parameters():  # biases and norms, too, are not at their start values
        torch.nn.init.normal_(parameter, std=0.4)
    ids = torch.randint(5, 40, (4, 13))
    ids[:, 4] = config.mask_token_id
    mask = torch.ones_like(ids)
    mask[0, 9:] = mask[1, :3] = 0
    mask[2, 5:8] = mask[2, 0] = 0
    real = mask.bool()
    labels = ids.where(real & (torch.rand(ids.shape) < 0.5), -100)
    with torch.no_grad():
        got = model(ids, mask, labels)
        unmasked = model(ids[3:]).logits[0]
    state = model.state_dict()
    logits = torch.stack([written_out(state, ids[i], mask[i], heads) for i in range(4)])
    assert (got.logits - logits)[real].abs().max() < 1e-10
    assert (unmasked - logits[3]).abs().max() < 1e-10
    counted = labels >= 0
    picked = logits.log_softmax(-1)[counted].gather(1, labels[counted, None])
    assert got.loss.item() == pytest.approx(-picked.mean().item(), abs=1e-10)


def written_out(state: dict[str, Tensor], ids: Tensor, mask: Tensor, heads: int) -> Tensor:
    def norm(x: Tensor, name: str) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-12).sqrt()
        return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ state[f"{name}.weight"].T + state.get(f"{name}.bias", 0)

    def turned(x: Tensor) -> Tensor:
        """Each pair as a complex number, times exp(i * position * frequency)."""
        half = x.shape[1] // 2
        frequency = torch.tensor(inverse_frequencies(2 * half), dtype=torch.float64)
        angle = torch.arange(len(x))[:, None] * frequency
        pairs = torch.complex(x[:, :half], x[:, half:]) * torch.polar(torch.ones_like(angle), angle)
        return torch.cat([pairs.real, pairs.imag], 1)

    x = state["esm.embeddings.word_embeddings.weight"][ids]
    if "esm.embeddings.layer_norm.weight" in state:  # with all extras, see the test
        masked = ids == 2
        share = masked.sum().float() / mask.sum()
        x = norm(x * ~masked[:, None] * 0.88 / (1 - share).double(), "esm.embeddings.layer_norm")
    x = x * mask[:, None]
    for layer in range(SIZES["num_hidden_layers"]):
        name = f"esm.encoder.layer.{layer}"
        y = norm(x, f"{name}.attention.LayerNorm")
        q, k, v = (linear(y, f"{name}.attention.self.{part}") for part in ("query", "key", "value"))
        size, gathered = x.shape[1] // heads, []
        for head in range(heads):
            part = slice(head * size, (head + 1) * size)
            scores = turned(q[:, part] / size**0.5) @ turned(k[:, part]).T
            scores = scores.masked_fill(mask[None, :] == 0, float("-inf"))
            gathered.append(scores.softmax(-1) @ v[:, part])
        x = x + linear(torch.cat(gathered, -1), f"{name}.attention.output.dense")
        inner = linear(norm(x, f"{name}.LayerNorm"), f"{name}.intermediate.dense")
        gate, value = inner[:, : inner.shape[1] // 2], inner[:, inner.shape[1] // 2 :]
        x = x + linear(gate / (1 + torch.exp(-gate)) * value, f"{name}.output.dense")
    x = linear(norm(x, "esm.encoder.emb_layer_norm_after"), "lm_head.dense")
    x = norm(x * 0.5 * (1 + torch.erf(x / 2**0.5)), "lm_head.layer_norm")
    return x @ state["lm_head.decoder.weight"].T + state["lm_head.bias"]


def test_loss_of_one_output_is_the_squared_error() -> None:
    torch.manual_seed(1)
    config = NTv2Config(**SIZES, hidden_size=8, num_attention_heads=2, num_labels=1)
    model = NTv2ForSequenceClassification(config).eval()
    labels = torch.tensor([0.5, -1.0])
    got = model(torch.randint(5, 40, (2, 7)), labels=labels)
    want = functional.mse_loss(got.logits.detach()[:, 0], labels)
    assert got.loss.item() == pytest.approx(want.item())


def test_shapes_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"hidden_size 20 is no multiple of twice .* 4: rotary"):
        NTv2Config(hidden_size=20, num_attention_heads=4)
    with pytest.raises(ValueError, match="'rotary' only, got 'absolute'; the first models"):
        NTv2Config(position_embedding_type="absolute")
    with pytest.raises(ValueError, match="needs input_ids"):
        NTv2Model(NTv2Config(**SIZES, hidden_size=8, num_attention_heads=2))()


def test_real_sizes_are_those_of_the_published_files() -> None:
    """55,904,972 parameters; two files of 10,191,395,533 bytes, pickle and archive included."""
    register()
    config = build_config(model_node("nt_v2_50m")["architecture"])
    with torch.device("meta"):
        small = NTv2ForMaskedLM(config)
        large = EsmForMaskedLM(build_config(model_node("nt_2b5_multi_species")["architecture"]))
    unused = config.max_position_embeddings * config.hidden_size  # position table
    unused += config.num_hidden_layers * config.num_attention_heads + 1  # contact head
    assert sum(p.numel() for p in small.parameters()) + unused == 55_904_972
    excess = 10_191_395_533 - 4 * sum(p.numel() for p in large.parameters())
    assert 0 < excess < 500_000


@pytest.mark.parametrize("name", ["nt_500m_1000g", "nt_2b5_1000g", "nt_v2_50m", "nt_v2_500m"])
def test_longest_input_in_bases(name: str) -> None:
    tokenizer: Any = build({**composed(name).tokenizer}, "tokenizer")
    node = model_node(name)
    sequence = "".join(random.Random(1).choices("ACGT", k=20_000))
    assert tokenizer.longest_prefix(sequence, node["max_tokens"]) == node["max_bp"]
    assert len(tokenizer.encode([sequence[: node["max_bp"]]]).ids) == node["max_tokens"]
