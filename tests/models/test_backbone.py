from pathlib import Path

import pytest
import torch
import yaml

from dnaft.errors import InputError
from dnaft.models.backbone import ROLES
from dnaft.models.pooling import pool
from small_models import SHAPES, small_backbone

CONF = Path(__file__).parents[2] / "conf" / "model"


def roles_of(family: str) -> dict[str, str]:
    file = CONF / f"_{family}.yaml"
    roles = yaml.safe_load(file.read_text()).get("roles")
    return roles or yaml.safe_load((CONF / "_bert.yaml").read_text())["roles"]


@pytest.mark.parametrize("family", SHAPES)
def test_every_role_finds_one_matrix_a_layer(family: str) -> None:
    backbone = small_backbone(family, roles_of(family), "mean")
    assert len(backbone.matrices) == 2 * len(ROLES)
    modules = dict(backbone.model.named_modules())
    for name in backbone.matrices:
        assert isinstance(modules[name], torch.nn.Linear)
    shapes = {modules[n].weight.shape for n in backbone.target_modules(["fc1"])}
    assert shapes == {(24, 16)}


def test_a_role_without_a_module_is_an_error() -> None:
    """OPT's output projection is out_proj; the published scripts say output_proj."""
    roles = {**roles_of("opt"), "o": "decoder.layers.{layer}.self_attn.output_proj"}
    with pytest.raises(InputError, match=r"roles\.o: small opt has no module .*output_proj"):
        small_backbone("opt", roles, "last")


def test_unknown_roles_and_missing_roles_are_named() -> None:
    with pytest.raises(InputError, match=r"roles\.query: unknown role"):
        small_backbone("bert", {"query": "encoder.layer.{layer}.attention.self.query"}, "mean")
    roles = {k: v for k, v in roles_of("bert").items() if k != "o"}
    with pytest.raises(
        ValueError, match="role 'o' matches no module of small bert; it has q, k, v"
    ):
        small_backbone("bert", roles, "mean").target_modules(["q", "o"])


@pytest.mark.parametrize("family", SHAPES)
@pytest.mark.parametrize("pooling", ["first", "mean", "last"])
def test_padding_changes_nothing(family: str, pooling: str) -> None:
    backbone = small_backbone(family, roles_of(family), pooling)
    backbone.attach_head(3)
    backbone.double().eval()
    ids = torch.randint(5, 80, (2, 9))
    ids[:, 0] = 3
    mask = torch.ones_like(ids)
    padded = torch.cat([ids, torch.full((2, 4), 1)], dim=1)
    padded_mask = torch.cat([mask, torch.zeros(2, 4, dtype=torch.long)], dim=1)
    with torch.no_grad():
        short, long = backbone(ids, mask), backbone(padded, padded_mask)
    # transformers' ESM takes the share of masked tokens in float32.
    torch.testing.assert_close(short, long, rtol=0, atol=1e-6 if family == "esm" else 1e-12)
    assert short.shape == (2, 3)


def test_pooling_by_hand_with_padding_on_either_side() -> None:
    hidden = torch.arange(8.0).reshape(1, 4, 2)  # tokens (0,1) (2,3) (4,5) (6,7)
    for mask, first, last, mean in [
        ([1, 1, 1, 0], [0, 1], [4, 5], [2, 3]),
        ([0, 1, 1, 1], [2, 3], [6, 7], [4, 5]),
        ([0, 1, 0, 1], [2, 3], [6, 7], [4, 5]),
    ]:
        for how, want in (("first", first), ("last", last), ("mean", mean)):
            got = pool(hidden, torch.tensor([mask]), how)  # type: ignore[arg-type]
            assert got.tolist() == [[float(v) for v in want]]


def test_random_weights_depend_on_their_seed_alone() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    a = small_backbone("bert", roles_of("bert"), "mean", weights_seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(6)
    b = small_backbone("bert", roles_of("bert"), "mean", weights_seed=1)
    c = small_backbone("bert", roles_of("bert"), "mean", weights_seed=2)
    weight = "model.encoder.layer.0.attention.self.query.weight"
    assert torch.equal(a.state_dict()[weight], b.state_dict()[weight])
    assert not torch.equal(a.state_dict()[weight], c.state_dict()[weight])


def test_a_trunk_with_nothing_to_train_stays_in_evaluation_mode() -> None:
    backbone = small_backbone("bert", roles_of("bert"), "mean")
    backbone.attach_head(1)
    backbone.train()
    assert backbone.model.encoder.training
    for name, parameter in backbone.named_parameters():
        parameter.requires_grad_("task_head" in name)
    backbone.train()
    assert not backbone.model.encoder.training
    assert backbone.head.training
