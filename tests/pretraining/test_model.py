"""Language models: built for a vocabulary, their logits where asked, what is refused."""

from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from dnaft.errors import InputError
from dnaft.pretraining.model import language_model, target_logits
from dnaft.pretraining.objectives import TokenBatch
from dnaft.tokenizers.character import CharacterTokenizer
from small_models import SHAPES

Head = Literal["masked", "causal"]

DNABERT2 = {
    "model_type": "dnabert2",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
}
SMALL = {k: v for k, v in DNABERT2.items() if k != "model_type"}
HYENA = {"model_type": "hyenadna", "hidden_size": 16, "num_hidden_layers": 2}
FAMILIES: dict[str, tuple[Head, dict[str, Any]]] = {
    "bert": ("masked", SHAPES["bert"]),
    "esm": ("masked", SHAPES["esm"]),
    "dnabert2": ("masked", DNABERT2),
    "nt_v2": ("masked", {"model_type": "nt_v2", **SMALL}),
    "opt": ("causal", SHAPES["opt"]),
    "hyenadna": ("causal", HYENA),
}
PADDING = 3


def node(architecture: dict[str, Any] | None, **changes: Any) -> dict[str, Any]:
    return {
        "name": "small",
        "source": None,
        "revision": None,
        "architecture": architecture,
        "max_tokens": 64,
        "allow_pickle": False,
        "attention": "sdpa",
        **changes,
    }


def batch(padded: bool) -> TokenBatch:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(5, 9, (4, 12), generator=generator)
    mask = torch.ones_like(ids)
    if padded:
        mask[1, -PADDING:] = 0
        ids[1, -PADDING:] = CharacterTokenizer().pad_id
    places = torch.tensor([0, 5, 12, 20, 36, 47])
    targets = torch.randint(5, 9, (6,), generator=generator)
    return TokenBatch(ids, mask if padded else None, places, targets, int(mask.sum()))


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_are_those_of_the_whole_model(family: str, padded: bool) -> None:
    head, architecture = FAMILIES[family]
    model = language_model(node(architecture), head, CharacterTokenizer(), seed=1).eval()
    some = batch(padded)
    whole = model(input_ids=some.input_ids, attention_mask=some.attention_mask).logits
    expected = whole.reshape(-1, whole.shape[-1])[some.places]
    found = target_logits(model, some)
    # HyenaDNA rounds its table up to a multiple of 8.
    assert 0 <= found.shape[1] - CharacterTokenizer().vocab_size < 8
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    # The model is as before: its own forward pass still gives all places.
    assert model(input_ids=some.input_ids).logits.shape[:2] == (4, 12)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_vocabulary_is_the_tokenizers_and_weights_come_from_the_seed(family: str) -> None:
    head, architecture = FAMILIES[family]
    tokenizer = CharacterTokenizer()
    state = torch.get_rng_state()
    models = [language_model(node(architecture), head, tokenizer, seed) for seed in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), state)
    first, again, other = (model.get_input_embeddings().weight for model in models)
    assert models[0].config.vocab_size == tokenizer.vocab_size
    assert models[0].config.pad_token_id == tokenizer.pad_id
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    # Input and output embedding are one matrix where the architecture says so.
    tied = models[0].get_output_embeddings().weight is first
    assert tied == models[0].config.tie_word_embeddings == (family not in ("nt_v2", "hyenadna"))


def test_training_goes_on_from_a_folder(tmp_path: Path) -> None:
    tokenizer = CharacterTokenizer()
    first = language_model(node(SHAPES["bert"]), "masked", tokenizer, 1)
    first.save_pretrained(tmp_path)
    loaded = language_model(node(None, source=str(tmp_path)), "masked", tokenizer, 2)
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, loaded.state_dict()[name]), name

    # A backbone without its head is no language model.
    first.bert.save_pretrained(tmp_path / "trunk")
    with pytest.raises(InputError, match=r"lacks \d+ weights of a masked language model"):
        language_model(node(None, source=str(tmp_path / "trunk")), "masked", tokenizer, 1)


@pytest.mark.parametrize(
    ("changes", "head", "message"),
    [
        ({"architecture": None}, "masked", "model.architecture: small states none"),
        ({"architecture": SHAPES["opt"]}, "masked", "objective: opt has no masked language model"),
        ({"architecture": SHAPES["bert"]}, "causal", "objective: bert has no causal language"),
        ({"max_tokens": 65}, "masked", "model.max_tokens: 65 are more than the 64 positions"),
        ({"source": "/nowhere"}, "masked", "model.source: there is no folder"),
    ],
)
def test_what_does_not_go_together_is_refused(
    changes: dict[str, Any], head: Head, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        language_model(node(SHAPES["bert"]) | changes, head, CharacterTokenizer(), 1)


def test_a_vocabulary_too_large_for_a_source_is_refused(tmp_path: Path) -> None:
    from dnaft.tokenizers.kmer import KmerTokenizer

    language_model(node(SHAPES["bert"]), "masked", CharacterTokenizer(), 1).save_pretrained(
        tmp_path
    )
    with pytest.raises(InputError, match="its 69 tokens do not fit the 10 rows"):
        language_model(node(None, source=str(tmp_path)), "masked", KmerTokenizer(3), 1)
