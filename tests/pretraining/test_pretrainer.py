"""Learning rates of the weights of a language model."""

import pytest
import torch

from dnaft.optimization import AdamW
from dnaft.pretraining.model import language_model
from dnaft.pretraining.objectives import MaskedTokens, TokenBatch
from dnaft.pretraining.pretrainer import Pretrainer
from dnaft.tokenizers.kmer import KmerTokenizer
from small_models import model_node


def batch(ids: torch.Tensor) -> TokenBatch:
    places = torch.arange(0, ids.numel(), 3)
    return TokenBatch(ids, None, places, ids.flatten()[places], ids.numel())


@pytest.mark.parametrize("rate", [1.0, 0.1])
def test_embeddings_move_at_their_own_rate(rate: float) -> None:
    node = {**model_node("yeast_mini_kmer"), "source": None}
    model = language_model(node, MaskedTokens().head, KmerTokenizer(k=6), seed=1)
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    module = Pretrainer(model, AdamW(lr=1e-3), 10, 1, {}, embedding_rate=rate)
    optimizer = module.configure_optimizers()["optimizer"]
    ids = torch.randint(10, 4000, (2, 60), generator=torch.Generator().manual_seed(1))
    module.training_step(batch(ids), 0).backward()
    optimizer.step()

    embeddings = model.get_input_embeddings().weight
    assert model.get_output_embeddings().weight is embeddings
    seen = 0
    for name, weight in model.named_parameters():
        if name.endswith("key.bias"):  # adds the same to all logits of a row: no gradient
            continue
        # The first step of Adam moves each number by the learning rate where it has a gradient.
        moved = float((weight - before[name]).abs().max())
        wanted = 1e-3 * (rate if weight is embeddings else 1)
        assert moved == pytest.approx(wanted, rel=0.01), name
        seen += weight is embeddings
    assert seen == 1
