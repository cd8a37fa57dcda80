"""Rows read in windows, and pairs, against loops over single windows."""

import pytest
import torch
from torch import Tensor

from dnaft.batch import Batch
from dnaft.finetuner import predict
from dnaft.flops import count_step_flops
from dnaft.methods.lora import inject_lora
from dnaft.models.backbone import Backbone
from dnaft.models.pooling import average_windows, pool
from small_models import SHAPES, small_backbone

POOLINGS = ["first", "mean", "last"]


def backbone_of(family: str, pooling: str, **changes: object) -> Backbone:
    backbone = small_backbone(family, {}, pooling, **changes)
    backbone.attach_head(2)
    return backbone.double().eval()


def ragged(lengths: list[int], seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, 80, (len(lengths), max(lengths)), generator=generator)
    mask = torch.tensor([[i < n for i in range(max(lengths))] for n in lengths]).long()
    return torch.where(mask.bool(), ids, 1), mask


@pytest.mark.parametrize("family", SHAPES)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_windows_are_read_alone_and_averaged(family: str, pooling: str) -> None:
    backbone = backbone_of(family, pooling, standardise_features=True)
    lengths, windows = [9, 9, 4, 7, 9, 2], [3, 1, 2]
    ids, mask = ragged(lengths)
    with torch.no_grad():
        logits = backbone(ids, mask, windows=torch.tensor(windows))
        vectors = []
        for i, n in enumerate(lengths):
            hidden = backbone.encode(ids[i : i + 1, :n], torch.ones(1, n, dtype=torch.long))[0]
            vectors.append(
                {"first": hidden[0], "last": hidden[-1], "mean": hidden.mean(0)}[pooling]
            )
        parts = [n if pooling == "mean" else 1 for n in lengths]
        rows, begin = [], 0
        for count in windows:
            of_row = range(begin, begin + count)
            total = sum(parts[i] for i in of_row)
            rows.append(torch.stack([vectors[i] * parts[i] / total for i in of_row]).sum(0))
            begin += count
        expected = backbone.head(torch.stack(rows))
    assert logits.shape == (3, 2)
    # transformers' ESM takes the share of masked tokens in float32.
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-6 if family == "esm" else 1e-12)


def test_the_mean_over_windows_is_the_mean_over_all_tokens() -> None:
    hidden = torch.randn(3, 5, 4, dtype=torch.float64)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 1, 1, 1, 0]])
    found = average_windows(pool(hidden, mask, "mean"), mask, torch.tensor([2, 1]), "mean")
    first = torch.cat([hidden[0], hidden[1, :2]]).mean(0)
    torch.testing.assert_close(found, torch.stack([first, hidden[2, 1:4].mean(0)]))


@pytest.mark.parametrize("pooling", POOLINGS)
def test_one_window_a_row_is_no_windows(pooling: str) -> None:
    backbone = backbone_of("bert", pooling)
    ids, mask = ragged([9, 4, 6])
    with torch.no_grad():
        plain = backbone(ids, mask)
        windowed = backbone(ids, mask, windows=torch.ones(3, dtype=torch.long))
    torch.testing.assert_close(plain, windowed, rtol=0, atol=1e-14)


def test_gradients_reach_every_window() -> None:
    backbone = small_backbone("bert", {}, "mean")
    backbone.attach_head(1)
    ids = torch.arange(10, 25).reshape(3, 5)
    backbone(ids, torch.ones_like(ids), windows=torch.tensor([1, 2])).sum().backward()
    weight = backbone.get_parameter("model.embeddings.word_embeddings.weight")
    assert weight.grad is not None
    assert weight.grad.abs().amax(dim=1).nonzero()[:, 0].tolist() == list(range(10, 25))


def test_windows_are_averaged_in_full_under_mixed_precision() -> None:
    mask = torch.ones(3, 4, dtype=torch.long)
    pooled = torch.randn(3, 8)
    with torch.autocast("cpu", torch.bfloat16):
        found = average_windows(pooled, mask, torch.tensor([3]), "first")
    torch.testing.assert_close(found[0], pooled.mean(0))
    assert found.dtype == torch.float32


def test_predictions_are_counted_by_rows() -> None:
    backbone = backbone_of("bert", "mean")
    ids, mask = ragged([9, 9, 4, 7])
    labels = torch.tensor([0.0, 1.0])
    batches = [
        Batch(ids, mask, labels, windows=torch.tensor([1, 3])),
        Batch(ids[:2], mask[:2], labels),
    ]
    logits, found = predict(backbone, batches)
    assert found.tolist() == [0, 1, 0, 1]
    assert logits.shape == (4, 2)
    torch.testing.assert_close(logits[0], logits[2])  # the same window, alone in its row


def test_flops_count_all_windows() -> None:
    backbone = small_backbone("bert", {}, "mean")
    backbone.attach_head(1)
    ids, mask = ragged([9, 9, 9, 9])
    four_rows = Batch(ids, mask, torch.zeros(4))
    two_rows = Batch(ids, mask, torch.zeros(2), windows=torch.tensor([2, 2]))
    found, expected = (count_step_flops(backbone, "binary", b) for b in (two_rows, four_rows))
    assert found == pytest.approx(expected, rel=0.01)


def test_counting_flops_changes_nothing() -> None:
    backbone = small_backbone("bert", {}, "mean", standardise_features=True)
    backbone.attach_head(1)
    ids, mask = ragged([9, 6])
    state = {name: tensor.clone() for name, tensor in backbone.train().state_dict().items()}
    drawn = torch.get_rng_state()
    count_step_flops(backbone, "binary", Batch(ids, mask, torch.zeros(2)))
    assert "model.task_head.norm.running_mean" in state
    for name, tensor in backbone.state_dict().items():
        assert torch.equal(tensor, state[name]), name
    assert torch.equal(drawn, torch.get_rng_state())
    assert all(p.grad is None for p in backbone.parameters())


@pytest.mark.parametrize("family", SHAPES)
def test_token_types_reach_the_models_that_have_them(family: str) -> None:
    backbone = backbone_of(family, "mean")
    ids, mask = ragged([9, 6])
    types = (torch.arange(9) > 3).long().expand(2, 9) * mask
    with torch.no_grad():
        plain, typed = backbone(ids, mask), backbone(ids, mask, types)
        zeros = backbone(ids, mask, torch.zeros_like(types))
    assert backbone.takes_token_types == (family == "bert")
    assert torch.equal(plain, zeros)
    assert torch.equal(plain, typed) == (family != "bert")
    if family == "bert":
        with torch.no_grad():
            hidden = backbone.model(
                input_ids=ids, attention_mask=mask, token_type_ids=types
            ).last_hidden_state
        expected = backbone.head((hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))
        torch.testing.assert_close(typed, expected, rtol=0, atol=1e-14)


def test_token_types_pass_through_an_adapter() -> None:
    roles = {"q": "encoder.layer.{layer}.attention.self.query"}
    backbone = small_backbone("bert", roles, "mean")
    backbone.attach_head(1)
    backbone.eval()
    ids, mask = ragged([9])
    types = torch.tensor([[0] * 4 + [1] * 5])
    with torch.no_grad():
        before = backbone(ids, mask, types)
        inject_lora(backbone, rank=2, alpha=2, target_roles=("q",))
        backbone.eval()
        after, untyped = backbone(ids, mask, types), backbone(ids, mask)
    torch.testing.assert_close(before, after)
    assert not torch.equal(after, untyped)


def test_a_model_of_one_token_type_is_not_given_two() -> None:
    shape = {**SHAPES["bert"], "type_vocab_size": 1}
    backbone = backbone_of("bert", "mean", architecture=shape)
    ids, mask = ragged([9])
    with torch.no_grad():
        assert torch.equal(backbone(ids, mask), backbone(ids, mask, torch.ones_like(ids)))
