import pytest
import torch

from dnaft.models.head import TaskHead


def test_standardised_features_have_mean_0_and_variance_1() -> None:
    head = TaskHead(5, 2, standardise=True)
    features = torch.randn(200, 5) * 0.01 + torch.arange(5.0)
    normal = head.norm(features)
    torch.testing.assert_close(normal.mean(dim=0), torch.zeros(5), rtol=0, atol=1e-4)
    torch.testing.assert_close(normal.std(dim=0), torch.ones(5), rtol=0, atol=0.1)


def test_a_last_batch_of_one_row_trains() -> None:
    """Batch normalisation refuses it; 33 rows at batch size 32 must not end a run."""
    head = TaskHead(5, 1, standardise=True)
    head(torch.randn(32, 5)).sum().backward()
    head(torch.randn(1, 5)).sum().backward()
    assert head.training
    assert head.norm.training  # type: ignore[attr-defined]


def test_without_it_the_head_is_linear() -> None:
    head = TaskHead(3, 2)
    features = torch.randn(4, 3)
    expected = features @ head.linear.weight.T + head.linear.bias
    torch.testing.assert_close(head(features), expected)
    assert not dict(head.named_buffers())


def one_hot_regression(positions: int) -> tuple[TaskHead, torch.Tensor]:
    """A head whose position term is a regression on one-hot bases, and its weights."""
    head = TaskHead(4, 2, positions=positions, position_rank=4)
    term = head.by_position
    assert term is not None
    weights = torch.randn(positions, 4, 2)
    with torch.no_grad():
        term.directions.weight.copy_(torch.eye(4))
        term.weights.copy_(weights)
    return head.eval(), weights  # running statistics: mean 0, variance 1


def test_weights_by_position_contain_a_regression_on_one_hot_bases() -> None:
    head, weights = one_hot_regression(7)
    bases = torch.randint(4, (5, 7))
    hidden = torch.nn.functional.one_hot(bases, 4).float()
    pooled = hidden.mean(dim=1)
    expected = head.linear(pooled)
    for row in range(5):
        picked = sum(weights[i, bases[row, i]] for i in range(7))
        expected[row] += picked / 7**0.5
    got = head(pooled, hidden, torch.ones(5, 7, dtype=torch.int64))
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("left", [0, 3])
def test_positions_count_from_the_first_real_token(left: int) -> None:
    head, _ = one_hot_regression(7)
    hidden, pooled = torch.randn(2, 6, 4), torch.randn(2, 4)
    alone = head(pooled, hidden, torch.ones(2, 6, dtype=torch.int64))
    padded = torch.full((2, 9, 4), 1e3)
    padded[:, left : left + 6] = hidden
    mask = torch.zeros(2, 9, dtype=torch.int64)
    mask[:, left : left + 6] = 1
    torch.testing.assert_close(head(pooled, padded, mask), alone)


def test_positions_behind_the_longest_training_row_add_nothing() -> None:
    head, _ = one_hot_regression(4)
    hidden, pooled = torch.randn(1, 6, 4), torch.zeros(1, 4)
    mask = torch.ones(1, 6, dtype=torch.int64)
    other = hidden.clone()
    other[:, 4:] = 100
    torch.testing.assert_close(head(pooled, hidden, mask), head(pooled, other, mask))


def test_position_terms_of_windows_are_averaged() -> None:
    head, _ = one_hot_regression(6)
    hidden, mask = torch.randn(3, 6, 4), torch.ones(3, 6, dtype=torch.int64)
    pooled = torch.zeros(3, 4)
    each = head(pooled, hidden, mask)
    rows = head(pooled[:2], hidden, mask, torch.tensor([1, 2]))
    torch.testing.assert_close(rows[0], each[0])
    torch.testing.assert_close(rows[1], (each[1] + each[2]) / 2)


def test_weights_by_position_learn_where_a_pooled_vector_cannot() -> None:
    """The same bases in all sequences; the label is whether A stands first."""
    torch.manual_seed(1)
    order = torch.stack([torch.randperm(4) for _ in range(256)])
    hidden = torch.nn.functional.one_hot(order, 4).float()
    labels, mask = (order[:, 0] == 0).float(), torch.ones(256, 4, dtype=torch.int64)

    def accuracy(rank: int) -> float:
        head = TaskHead(4, 1, positions=4, position_rank=rank)
        optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
        for _ in range(100):
            logits = head(hidden.mean(dim=1), hidden, mask)[:, 0]
            optimizer.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(logits, labels).backward()
            optimizer.step()
        head.eval()
        logits = head(hidden.mean(dim=1), hidden, mask)[:, 0]
        return ((logits > 0) == (labels > 0)).float().mean().item()

    assert accuracy(rank=4) == 1.0
    assert accuracy(rank=0) < 0.85  # 3 of 4 sequences do not begin with A


def test_weights_by_position_need_positions_and_hidden_states() -> None:
    with pytest.raises(ValueError, match="needs positions"):
        TaskHead(4, 1, position_rank=2)
    with pytest.raises(ValueError, match="need the hidden states"):
        TaskHead(4, 1, positions=3, position_rank=2)(torch.zeros(1, 4))
