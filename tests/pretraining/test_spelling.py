"""Embeddings that begin with the letters of their tokens."""

import pytest
import torch

from dnaft.pretraining.dna_tokens import dna_tokens
from dnaft.pretraining.model import language_model
from dnaft.pretraining.spelling import spell_embeddings, spelled_embeddings
from dnaft.tokenizers.bpe import BpeTokenizer
from dnaft.tokenizers.character import CharacterTokenizer

NODE = {
    "name": "small",
    "source": None,
    "revision": None,
    "architecture": {
        "model_type": "dnabert2",
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "intermediate_size": 24,
    },
    "max_tokens": 64,
    "allow_pickle": False,
    "attention": "sdpa",
}


def test_tokens_of_like_letters_are_alike() -> None:
    words = ["ACGTAC", "ACGTAG", "TTTTGG", "ACG", "ACGTACGTACGT"]
    rows = spelled_embeddings(words, 4000, 0.02, seed=1)
    assert rows.std() == pytest.approx(0.02, rel=0.05)
    alike = torch.nn.functional.cosine_similarity(rows[:1], rows[1:])
    assert alike.argmax() == 0
    assert alike.argmin() == 1
    assert alike.max() < 0.95  # a token keeps something of its own


def test_tokens_of_the_same_features_still_differ() -> None:
    """Letters beyond the sixth from either end count by their number alone."""
    a, b = "ACGTAC" + "GTCA" + "ACGTAC", "ACGTAC" + "TCAG" + "ACGTAC"
    rows = spelled_embeddings([a, b, "AAA", "CCCCC"], 512, 0.02, seed=1)
    assert 0.001 < (rows[0] - rows[1]).std() < 0.02


def test_the_seed_decides() -> None:
    words = ["ACG", "TTG", "A"]
    first = spelled_embeddings(words, 8, 1.0, seed=1)
    torch.testing.assert_close(first, spelled_embeddings(words, 8, 1.0, seed=1))
    assert (first != spelled_embeddings(words, 8, 1.0, seed=2)).all()


def test_output_weights_that_are_tied_follow_and_special_tokens_stay() -> None:
    tokenizer = BpeTokenizer("package:bpe_yeast")
    model = language_model(NODE, "masked", tokenizer, seed=1)
    dna = dna_tokens(tokenizer)
    before = model.get_input_embeddings().weight.detach().clone()
    spell_embeddings(model, dna, seed=1)
    after = model.get_input_embeddings().weight
    assert model.get_output_embeddings().weight is after
    others = torch.from_numpy(~dna.is_dna)
    torch.testing.assert_close(after[others], before[others])
    assert (after[~others] != before[~others]).any(dim=1).all()
    assert after[~others].std().item() == pytest.approx(before[~others].std().item(), rel=0.05)


def test_sized_embeddings_give_logits_of_variance_one() -> None:
    tokenizer = BpeTokenizer("package:bpe_yeast")
    model = language_model(NODE, "masked", tokenizer, seed=1)
    dna = dna_tokens(tokenizer)
    before = model.get_input_embeddings().weight.detach().clone()
    spell_embeddings(model, dna, seed=1, sized=True)
    after = model.get_input_embeddings().weight.detach()
    spelled = torch.from_numpy(dna.is_dna)
    states = torch.randn(500, 16, generator=torch.Generator().manual_seed(1))
    logits = torch.nn.functional.layer_norm(states, (16,)) @ after[spelled].T
    assert logits.var().item() == pytest.approx(1, rel=0.1)
    # The others grow with them.
    factor = after[~spelled] / before[~spelled]
    torch.testing.assert_close(factor, torch.full_like(factor, factor.mean().item()))
    assert factor.mean() == pytest.approx(0.25 / before[spelled].std().item(), rel=1e-3)


def test_single_bases_keep_their_embeddings() -> None:
    tokenizer = CharacterTokenizer()
    model = language_model(NODE, "masked", tokenizer, seed=1)
    before = model.get_input_embeddings().weight.detach().clone()
    spell_embeddings(model, dna_tokens(tokenizer), seed=1)
    torch.testing.assert_close(model.get_input_embeddings().weight, before)
