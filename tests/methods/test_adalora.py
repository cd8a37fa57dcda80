import pytest
import torch

from dnaft.methods.adalora import inject_adalora
from dnaft.methods.triplets import find_triplets
from dnaft.ranks.orthogonality import orthogonality_penalty
from dnaft.ranks.triplet import TripletGroup
from small_models import small_backbone

ROLES = {
    "q": "encoder.layer.{layer}.attention.self.query",
    "fc1": "encoder.layer.{layer}.intermediate.dense",
}


def test_orthonormal_vectors_start_at_the_minimum_of_the_penalty() -> None:
    backbone = small_backbone("bert", ROLES, "mean")
    backbone.attach_head(1)
    inject_adalora(backbone, 4, 8, ("q", "fc1"), vectors="orthonormal")
    groups = find_triplets(backbone)
    assert [group.name for group in groups] == ["00.q", "00.fc1", "01.q", "01.fc1"]
    assert orthogonality_penalty(groups).item() < 1e-10
    assert not any(group.values.any() for group in groups)


@pytest.mark.parametrize("kept", [torch.float32, torch.bfloat16])
def test_the_penalty_is_not_rounded_where_training_is(kept: torch.dtype) -> None:
    """Vectors .1% too long: in bfloat16 their Gram matrix is rounding alone."""
    vectors = torch.linalg.qr(torch.randn(128, 12, generator=torch.manual_seed(0))).Q * 1.001
    vectors = vectors.to(kept)

    def gradient(dtype: torch.dtype, mixed: bool) -> torch.Tensor:
        left = vectors.to(dtype, copy=True).requires_grad_()
        group = TripletGroup("q", left, torch.zeros(12), left.mT)
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            penalty = orthogonality_penalty([group])
        penalty.backward()
        assert left.grad is not None
        return left.grad.double()

    expected, found = gradient(torch.float64, mixed=False), gradient(kept, mixed=True)
    tolerance = 1e-3 if kept == torch.float32 else 1e-2  # of bfloat16 the result alone is rounded
    assert (found - expected).norm() < tolerance * expected.norm()


def test_gaussian_vectors_are_the_authors_start() -> None:
    torch.manual_seed(0)
    backbone = small_backbone("bert", ROLES, "mean")
    backbone.attach_head(1)
    inject_adalora(backbone, 4, 8, ("q", "fc1"))
    entries = torch.cat(
        [torch.cat([g.left.flatten(), g.right.flatten()]) for g in find_triplets(backbone)]
    )
    assert entries.std().item() == pytest.approx(0.02, rel=0.1)


def test_the_update_is_p_lambda_q_times_alpha_over_rank() -> None:
    """W x + (alpha / rank) P diag(lambda) Q x, in float64 and by plain matrices."""
    backbone = small_backbone("bert", ROLES, "mean")
    backbone.attach_head(1)
    inject_adalora(backbone, 4, 8, ("q",), vectors="orthonormal")
    backbone.double().eval()
    group = find_triplets(backbone)[0]
    torch.nn.init.normal_(group.values)
    layer = backbone.trunk.get_submodule(ROLES["q"].format(layer=0))
    x = torch.randn(3, 16, dtype=torch.float64)
    base = layer.get_base_layer()  # type: ignore[operator]
    update = group.left @ torch.diag(group.values.flatten()) @ group.right
    expected = x @ base.weight.T + base.bias + 8 / 4 * x @ update.T
    # PEFT divides by rank + 1e-5 to be safe from a rank of 0.
    torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)
