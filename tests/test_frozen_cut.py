"""A model of every architecture, cut where its frozen layers end, is the model itself."""

from typing import Any

import numpy as np
import pytest
import torch

from dnaft.batch import Batch
from dnaft.data.loader import Collate, TokenDataset
from dnaft.data.tokens import TokenRows
from dnaft.frozen_cut import CannotCutError, Cut, find_cut
from dnaft.methods.bitfit import inject_bitfit
from dnaft.methods.full import inject_full, inject_linear_probe, inject_partial
from dnaft.methods.lora import inject_lora
from dnaft.models.backbone import Backbone
from dnaft.models.fingerprint import weights_fingerprint
from dnaft.tokenizers.encoded import offsets_of
from small_models import MODELS, built, composed, small_node

# The first yaml of each architecture that is built here.
FAMILIES = {
    composed(name).model.architecture.model_type: name
    for name in reversed(MODELS)
    if composed(name).model.get("architecture") is not None
}
every_family = pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)


def rows() -> TokenRows:
    """Three rows of unlike length, one of them in two windows."""
    windows = np.array([12, 9, 5, 21])
    ids = np.random.default_rng(1).integers(4, 10, int(windows.sum())).astype(np.uint8)
    return TokenRows(
        ids, offsets_of(windows), offsets_of(np.array([1, 2, 1])), np.array([12, 14, 21])
    )


def prepared(name: str, dropout: float = 0.0, **changes: Any) -> Backbone:
    """A small model with a head whose weights by position count, too."""
    node = small_node(name, **changes)
    fields = node["architecture"]
    node["architecture"] = fields | {key: dropout for key in fields if "dropout" in key}
    if "token_dropout" in fields:
        node["architecture"]["token_dropout"] = fields["token_dropout"]
    if "hyena_filter_dropout" in fields:
        node["architecture"]["hyena_filter_dropout"] = 0.0  # its architecture knows no other
    backbone = built(node)
    torch.manual_seed(2)
    backbone.attach_head(1, positions=30)
    for parameter in backbone.head.parameters():
        torch.nn.init.normal_(parameter)
    return backbone.eval()


def trained_of(backbone: Backbone) -> set[str]:
    return {name for name, parameter in backbone.named_parameters() if parameter.requires_grad}


def cut_of(backbone: Backbone) -> Cut:
    cut = find_cut(backbone)
    assert cut is not None
    return cut


def with_states(cut: Cut) -> tuple[Batch, Batch]:
    """All rows as a batch, and the same on states that were read row by row."""
    tokens, collate = rows(), Collate(1)
    given = TokenDataset(tokens, torch.zeros(3))
    batch = collate(given.__getitems__([0, 1, 2]))
    if cut.pooled:
        states = torch.cat([cut.read(collate(given[row])) for row in range(3)])
        return batch, batch._replace(states=states)
    lengths = np.diff(tokens.offsets).tolist()
    read = [window for row in range(3) for window in cut.read(collate(given[row]))]
    kept = [w[: cut.places(n)] for w, n in zip(read, lengths, strict=True)]
    states = torch.nn.utils.rnn.pad_sequence(kept, batch_first=True)
    return batch, batch._replace(states=states)


def gradients(backbone: Backbone, batch: Batch) -> dict[str, torch.Tensor]:
    backbone.zero_grad()
    backbone.train()(*batch.inputs).square().sum().backward()
    return {n: p.grad.clone() for n, p in backbone.named_parameters() if p.grad is not None}


@every_family
@pytest.mark.parametrize("method", ["probe", "partial"])
def test_logits_and_gradients_are_those_of_the_whole_model(name: str, method: str) -> None:
    backbone = prepared(name)
    inject_linear_probe(backbone) if method == "probe" else inject_partial(backbone, 1)
    cut = cut_of(backbone)
    cut.try_out(rows(), 1)
    with torch.no_grad():
        whole, on_states = with_states(cut)
        expected, found = (backbone.eval()(*batch.inputs) for batch in (whole, on_states))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    want = gradients(backbone, whole)
    got = gradients(backbone, on_states)
    assert got.keys() == want.keys()
    largest = max(float(gradient.abs().max()) for gradient in want.values())
    for key, gradient in want.items():
        torch.testing.assert_close(got[key], gradient, rtol=1e-3, atol=1e-4 * largest, msg=key)


@every_family
def test_frozen_layers_are_not_run(name: str) -> None:
    backbone = prepared(name)
    inject_partial(backbone, 1)
    cut = cut_of(backbone)
    with torch.no_grad():
        cut.try_out(rows(), 1)
        whole, on_states = with_states(cut)
        calls: list[str] = []
        for matrix in backbone.matrices:
            module = backbone.model.get_submodule(matrix)
            module.register_forward_hook(lambda *_, n=matrix: calls.append(n))
        backbone(*on_states.inputs)
        top = {m for m, (layer, _) in backbone.matrices.items() if layer == backbone.layers - 1}
        assert set(calls) == top
        backbone(*whole.inputs)
        assert set(calls) == set(backbone.matrices)


@pytest.mark.parametrize("name", ["dnabert6", "gena_lm_base", "opt_125m", "hyenadna_tiny_1k"])
def test_dropout_in_frozen_layers_is_refused(name: str) -> None:
    backbone = prepared(name, dropout=0.1)
    inject_partial(backbone, 1)
    with pytest.raises(CannotCutError, match="dropout"):
        cut_of(backbone).try_out(rows(), 1)
    assert not backbone.training
    probe = prepared(name, dropout=0.1)  # whose trunk is never in training mode
    inject_linear_probe(probe)
    cut_of(probe).try_out(rows(), 1)


def test_a_model_that_is_more_than_its_layers_is_refused() -> None:
    """A skip connection from a frozen layer to behind the last one."""
    backbone = prepared("tiny")
    inject_partial(backbone, 1)
    trunk: Any = backbone.model
    seen: list[torch.Tensor] = []

    def skip(_: Any, __: Any, output: Any) -> Any:
        output.last_hidden_state = output.last_hidden_state + seen[-1]
        return output

    trunk.encoder.layer[0].register_forward_hook(lambda *a: seen.append(a[2]))
    trunk.register_forward_hook(skip)
    with pytest.raises(CannotCutError, match="other hidden states"):
        cut_of(backbone).try_out(rows(), 1)


def test_what_trains_below_or_behind_all_layers_leaves_nothing_to_keep() -> None:
    for inject in (
        inject_full,
        inject_bitfit,
        lambda b: inject_lora(b, 2, 2, ("q",)),
        lambda b: inject_partial(b, b.layers),
        lambda b: inject_partial(b, 1, embeddings=True),
    ):
        backbone = prepared("tiny")
        inject(backbone)
        assert find_cut(backbone) is None


def test_the_checksum_is_that_of_what_is_frozen() -> None:
    def checksum(top: int, name: str = "tiny", **changes: Any) -> str:
        backbone = prepared(name, **changes)
        inject_partial(backbone, top)
        return weights_fingerprint(backbone, trained_of(backbone))

    first = checksum(1)
    assert checksum(1) == first  # another head, as drawn
    assert checksum(1, weights_seed=5) != first
    assert checksum(1, attention="eager") != first
    assert checksum(1, dropout=0.1) != first
    backbone = prepared("tiny")
    inject_partial(backbone, 1)
    trained = trained_of(backbone)
    whole = weights_fingerprint(backbone)
    with torch.no_grad():
        for parameter in backbone.parameters():
            if parameter.requires_grad:
                parameter.add_(1)
    assert weights_fingerprint(backbone, trained) == first
    assert weights_fingerprint(backbone) != whole
    with torch.no_grad():
        weight = next(p for p in backbone.parameters() if not p.requires_grad)
        weight.view(-1)[-1] += 1e-6
    assert weights_fingerprint(backbone, trained) != first
