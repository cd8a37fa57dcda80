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
