"""ModernBERT with q, k and v as three maps against transformers' own."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, ModernBertConfig, ModernBertModel

from dnaft.models.native import register
from dnaft.models.native.modernbert import SplitModernBertConfig, SplitModernBertModel

SHAPE: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": 12,
    "num_hidden_layers": 4,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "local_attention": 6,
    "bos_token_id": 1,
    "cls_token_id": 1,
    "eos_token_id": 2,
    "sep_token_id": 2,
    "pad_token_id": 3,
}
IDS = torch.arange(5, 35).reshape(2, 15)
MASK = torch.tensor([[1] * 15, [1] * 9 + [0] * 6])


def pair(**fields: Any) -> tuple[ModernBertModel, SplitModernBertModel]:
    """The stock model, and ours with its weights."""
    stock = ModernBertModel(ModernBertConfig(**SHAPE, **fields)).eval()
    ours = SplitModernBertModel(SplitModernBertConfig(**SHAPE, **fields)).eval()
    ours.load_state_dict(stock.state_dict(), strict=True)
    return stock, ours


@pytest.mark.parametrize("attention_bias", [False, True])
def test_hidden_states_are_those_of_transformers(attention_bias: bool) -> None:
    stock, ours = pair(attention_bias=attention_bias)
    with torch.no_grad():
        expected, got = (m(IDS, attention_mask=MASK).last_hidden_state for m in (stock, ours))
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-6)


def test_transformers_own_initialisation_reaches_the_three_maps() -> None:
    """It asks the attention for the weight of Wqkv, which is none here."""
    model = SplitModernBertModel(
        SplitModernBertConfig(**{**SHAPE, "hidden_size": 96, "num_attention_heads": 4})
    )
    attention: Any = model.layers[0].attn
    wqkv = attention.Wqkv
    parts = [wqkv.q, wqkv.k, wqkv.v]
    for part in parts:
        part.weight.data.zero_()
    model._init_weights(attention)
    assert attention.Wqkv is wqkv
    for part in parts:
        assert part.bias is None
        assert part.weight.abs().max() <= 0.04  # cut at two deviations
        assert 0.016 < part.weight.std() < 0.019  # 0.02, times 0.88 for the cut
    assert not torch.equal(parts[0].weight, parts[1].weight)


def test_files_have_the_names_of_transformers(tmp_path: Path) -> None:
    register()
    stock, ours = pair()
    stock.save_pretrained(tmp_path / "stock")
    ours.save_pretrained(tmp_path / "ours")
    written, expected = (load_file(tmp_path / m / "model.safetensors") for m in ("ours", "stock"))
    assert written.keys() == expected.keys()
    for name, weight in expected.items():
        assert torch.equal(written[name], weight), name
    again = AutoModel.from_pretrained(tmp_path / "ours").eval()
    assert isinstance(again, SplitModernBertModel)
    with torch.no_grad():
        assert torch.equal(again(IDS).last_hidden_state, ours(IDS).last_hidden_state)
