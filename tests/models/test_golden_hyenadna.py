"""Our HyenaDNA against what the original computes, and against the formulas written out."""

import math
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from dnaft.models.native.hyena_operator import long_convolution
from dnaft.models.native.hyenadna import HyenaDnaConfig, HyenaDnaModel
from dnaft.models.native.hyenadna_heads import (
    HyenaDnaForCausalLM,
    HyenaDnaForSequenceClassification,
)

OURS: dict[str, Any] = {
    "HyenaDNAForCausalLM": HyenaDnaForCausalLM,
    "HyenaDNAForSequenceClassification": HyenaDnaForSequenceClassification,
}
# Of hidden states and of logits. The original computes convolutions and residual in float32 even
# if its weights are float64; it moves by 1e-6 and 1.2e-5 from one to the other.
TOLERANCES = {torch.float32: (1e-4, 5e-4), torch.float64: (2e-6, 2e-5)}
KEYS = {torch.float32: "", torch.float64: "f64params."}


def build(golden: ModuleType, model: str, name: str) -> Any:
    """The model with the golden weights, loaded by the original's key names."""
    ours = OURS[name](HyenaDnaConfig(**golden.config("hyenadna", model)))
    ours.load_state_dict(golden.state_dict("hyenadna", model, name), strict=True)
    return ours.eval()


def small(**fields: Any) -> HyenaDnaModel:
    """A small model in float64 whose weights are all away from their start values."""
    shape = {"d_model": 12, "d_inner": 20, "n_layer": 2, "max_seq_len": 40, "filter_order": 10}
    torch.manual_seed(1)
    model = HyenaDnaModel(HyenaDnaConfig(**shape | fields))
    for name, parameter in model.named_parameters():
        torch.nn.init.normal_(parameter, mean=3.0 if "freq" in name else 0.0, std=0.3)
    return model.double().eval()


def test_golden_folder_has_models(golden: ModuleType) -> None:
    assert golden.models("hyenadna")
    for model in golden.models("hyenadna"):
        assert set(golden.classes("hyenadna", model)) == set(OURS)
        assert list(golden.batches("hyenadna", model))


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("name", OURS)
def test_golden_outputs(golden: ModuleType, name: str, dtype: torch.dtype) -> None:
    hidden_tolerance, logits_tolerance = TOLERANCES[dtype]
    key = "logits" if name == "HyenaDNAForCausalLM" else "seqcls_logits"
    for model in golden.models("hyenadna"):
        ours = build(golden, model, name).to(dtype)
        for whole in golden.batches("hyenadna", model):
            ids, start = whole["input_ids"], KEYS[dtype]
            batch = {
                k.removeprefix(start): v
                for k, v in whole.items()
                if k.startswith(start) and k not in ("input_ids", "name")
            }
            batch = {k: v for k, v in batch.items() if not k.startswith("f64params.")}
            with torch.no_grad():
                got = ours(ids, output_hidden_states=True)
                hidden = ours.hyena(ids).last_hidden_state
            assert got.logits.dtype == dtype
            assert golden.max_diff(got.logits, batch.pop(key)) < logits_tolerance
            assert golden.max_diff(hidden, batch.pop("last_hidden_state")) < hidden_tolerance
            for i, state in enumerate(got.hidden_states):
                assert golden.max_diff(state, batch.pop(f"hidden{i}")) < hidden_tolerance
            assert set(batch) <= {"logits", "seqcls_logits"}, "a key that nothing compares"


@pytest.mark.parametrize("stored", [1, 3, 5])
def test_the_frequency_may_be_stored_under_any_of_its_names(
    golden: ModuleType, stored: int
) -> None:
    """Checkpoints on the hub keep one of the names of a shared tensor."""
    for model in golden.models("hyenadna"):
        ours = build(golden, model, "HyenaDNAForCausalLM")
        weights = golden.state_dict("hyenadna", model, "HyenaDNAForCausalLM")
        weights = {k: v for k, v in weights.items() if ".freq" not in k or f".{stored}." in k}
        other = HyenaDnaForCausalLM(ours.config)
        other.load_state_dict(weights, strict=True)
        for name, tensor in ours.state_dict().items():
            assert torch.equal(other.state_dict()[name], tensor), name


@pytest.mark.parametrize("tokens", [1, 2, 3, 7, 64, 100, 301])
def test_the_convolution_is_the_direct_sum(tokens: int) -> None:
    generator = torch.Generator().manual_seed(tokens)
    u, kernel, skip = (
        torch.randn(*shape, generator=generator, dtype=torch.float64)
        for shape in ((2, 3, tokens), (3, tokens), (3,))
    )
    want = torch.empty_like(u)
    for t in range(tokens):
        terms = [kernel[:, t - s] * u[:, :, s] for s in range(t + 1)]
        want[:, :, t] = torch.stack(terms).sum(0) + skip * u[:, :, t]
    got = long_convolution(u, kernel, skip)
    torch.testing.assert_close(got, want, rtol=0, atol=1e-12)
    half = long_convolution(u.bfloat16(), kernel.bfloat16(), skip.bfloat16())
    assert half.dtype == torch.bfloat16
    exact = long_convolution(u.bfloat16().double(), kernel.bfloat16().double(), skip.bfloat16())
    # Only the result is rounded, to 8 bits.
    torch.testing.assert_close(half.double(), exact, rtol=2**-8, atol=1e-5)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"d_model": 5, "n_layer": 1, "emb_dim": 3, "num_inner_mlps": 1},
        {"short_filter_order": 5, "emb_dim": 9, "num_inner_mlps": 3, "max_seq_len": 25},
        {"vocab_size": 17, "pad_vocab_size_multiple": 1, "activation_freq": 2.5},
    ],
)
def test_other_shapes_against_the_formulas(fields: dict[str, Any]) -> None:
    """Row by row, with convolutions as direct sums, in float64."""
    model = small(**fields)
    config = model.config
    ids = torch.randint(0, config.vocab_size, (3, 21))
    with torch.no_grad():
        got = model(ids).last_hidden_state
        for row in range(3):
            want = written_out(model.state_dict(), ids[row], config)
            torch.testing.assert_close(got[row], want, rtol=0, atol=1e-11)


def written_out(state: dict[str, Tensor], ids: Tensor, config: HyenaDnaConfig) -> Tensor:
    def norm(x: Tensor, name: str) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ state[f"{name}.weight"].T + state.get(f"{name}.bias", 0)

    length, taps = len(ids), config.short_filter_order
    x = state["backbone.embeddings.word_embeddings.weight"][ids]
    for layer in range(config.n_layer):
        mixer = f"backbone.layers.{layer}.mixer"
        h = norm(x, f"backbone.layers.{layer}.norm1")
        branches = torch.cat([linear(h, f"{mixer}.in_proj.{part}") for part in "qkv"], dim=-1)
        weight, short = state[f"{mixer}.short_filter.weight"], torch.empty_like(branches)
        for t in range(length):
            short[t] = state[f"{mixer}.short_filter.bias"]
            for back in range(min(taps, t + 1)):
                short[t] += weight[:, 0, taps - 1 - back] * branches[t - back]
        q, k, v = short.chunk(3, dim=-1)
        kernel = written_out_kernel(state, f"{mixer}.filter_fn", config)
        u, mixed = k * v, torch.empty_like(v)
        for t in range(length):
            mixed[t] = sum(kernel[t - s] * u[s] for s in range(t + 1))
        mixed = q * (mixed + u * state[f"{mixer}.filter_fn.bias"])
        x = x + linear(mixed, f"{mixer}.out_proj")
        h = linear(norm(x, f"backbone.layers.{layer}.norm2"), f"backbone.layers.{layer}.mlp.fc1")
        inner = math.sqrt(2 / math.pi) * (h + 0.044715 * h**3)
        x = x + linear(h * 0.5 * (1 + torch.tanh(inner)), f"backbone.layers.{layer}.mlp.fc2")
    return norm(x, "backbone.ln_f")


def written_out_kernel(state: dict[str, Tensor], name: str, config: HyenaDnaConfig) -> Tensor:
    network, rows = f"{name}.implicit_filter", []
    for position in range(21):
        h, t = (state[f"{name}.pos_emb.{part}"][0, position] for part in "zt")
        for inner in range(config.num_inner_mlps + 1):
            weight, bias = (state[f"{network}.{2 * inner}.{part}"] for part in ("weight", "bias"))
            h = torch.sin(state[f"{network}.1.freq"][0] * (weight @ h + bias))
        h = state[f"{network}.{2 * (config.num_inner_mlps + 1)}.weight"] @ h
        window = torch.exp(-state[f"{name}.modulation.deltas"][0, 0].abs() * t) + 0.05
        rows.append(h * window)
    return torch.stack(rows)


def test_positions_and_decays_by_definition(golden: ModuleType) -> None:
    """Random weights have the buffers that the original computes and stores."""
    for model in golden.models("hyenadna"):
        fresh = HyenaDnaForCausalLM(HyenaDnaConfig(**golden.config("hyenadna", model)))
        stored = golden.state_dict("hyenadna", model, "HyenaDNAForCausalLM")
        buffers = [name for name, _ in fresh.named_buffers()]
        assert {name.rpartition(".")[2] for name in buffers} == {"z", "t", "deltas"}
        for name in buffers:
            torch.testing.assert_close(fresh.get_buffer(name), stored[name], rtol=0, atol=2e-6)
