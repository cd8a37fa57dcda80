"""Pooled states of all layers against hooks on the layers, row by row and without padding."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dnaft.batch import Batch
from dnaft.errors import InputError
from dnaft.models.backbone import Backbone
from dnaft.models.layer_states import encode_layers, pool_layers, read_layers
from dnaft.models.pooling import Pooling
from small_models import built, small_node

# A yaml of each architecture, and how many states it hands out beyond the embeddings and layers:
# one where the last layer's own output comes beside the last hidden state.
STATES = {
    "tiny": 0,
    "nt_500m_human_ref": 0,
    "opt_350m": 0,
    "dnabert2": 0,
    "nucleotide_unet": 1,
    "gena_lm_base": 0,
    "nt_v2_50m": 0,
    "hyenadna_tiny_1k": 1,
    "moderngena_base": 0,
    "generator_eukaryote_1b2": 0,
}
LENGTHS = [11, 6, 9, 3]
every_architecture = pytest.mark.parametrize("name", STATES)


def backbone_of(name: str, pooling: Pooling = "mean", **changes: Any) -> Backbone:
    torch.manual_seed(2)
    backbone = built(small_node(name, pooling=pooling, **changes)).double().eval()
    for parameter in backbone.parameters():  # norms and biases, too, which start as 1 and 0
        nn.init.normal_(parameter, std=0.3)
    return backbone


def rows(backbone: Backbone, lengths: list[int]) -> tuple[Tensor, Tensor]:
    """Random ids, padded on the right."""
    generator = torch.Generator().manual_seed(1)
    shape = len(lengths), max(lengths)
    ids = torch.randint(5, backbone.vocabulary_size, shape, generator=generator)
    mask = (torch.arange(shape[1]) < torch.tensor(lengths)[:, None]).long()
    pad = backbone.model.config.pad_token_id  # type: ignore[union-attr]
    return torch.where(mask.bool(), ids, 0 if pad is None else pad), mask


def one_vector(hidden: Tensor, how: str) -> Tensor:
    """One row without padding, (tokens, width)."""
    return {"first": hidden[0], "last": hidden[-1], "mean": hidden.mean(dim=0)}[how]


def by_hooks(backbone: Backbone, ids: Tensor) -> list[Tensor]:
    """What enters the first layer, leaves each of them, and comes out; one row, (tokens, width)."""
    states: list[Tensor] = []
    layers = [backbone.model.get_submodule(name) for name in backbone.layer_names]

    def leave(_: nn.Module, __: Any, output: Any) -> None:
        states.append(output[0] if isinstance(output, tuple) else output)

    handles = [layers[0].register_forward_pre_hook(lambda _, args: states.append(args[0]))]
    handles += [layer.register_forward_hook(leave) for layer in layers]
    with torch.no_grad():
        states.append(backbone.encode(ids[None], torch.ones_like(ids)[None]))
    for handle in handles:
        handle.remove()
    return [state[0] for state in states]


@every_architecture
@pytest.mark.parametrize("pooling", ["first", "mean", "last"])
def test_states_are_those_that_hooks_see(name: str, pooling: Pooling) -> None:
    backbone = backbone_of(name, pooling)
    ids, mask = rows(backbone, LENGTHS)
    with torch.no_grad():
        found = pool_layers(backbone, Batch(ids, mask, torch.zeros(len(ids))))
    assert len(found) == backbone.layers + 1 + STATES[name]
    for row, length in enumerate(LENGTHS):
        *inner, last = by_hooks(backbone, ids[row, :length])
        assert len(inner) == backbone.layers + 1
        if name == "nucleotide_unet":  # a token for each codon
            inner = [state.repeat_interleave(3, dim=0)[:length] for state in inner]
        for number, state in enumerate([*inner[: len(found) - 1], last]):
            want = one_vector(state, pooling)
            got = found[number][row]
            assert got.dtype == torch.float32
            # transformers has rotary angles and ESM's share of masked tokens in float32.
            torch.testing.assert_close(got.double(), want, rtol=1e-5, atol=1e-5)


@every_architecture
def test_the_last_state_is_what_the_head_is_given(name: str) -> None:
    backbone = backbone_of(name)
    ids, mask = rows(backbone, LENGTHS)
    with torch.no_grad():
        assert torch.equal(encode_layers(backbone, ids, mask)[-1], backbone.encode(ids, mask))


def test_widths_differ_where_the_model_projects() -> None:
    def widths(name: str) -> list[int]:
        backbone = backbone_of(name)
        with torch.no_grad():
            return [s.shape[-1] for s in encode_layers(backbone, *rows(backbone, LENGTHS))]

    assert widths("opt_350m") == [16, 16, 16, 12]
    assert widths("nucleotide_unet") == [16, 16, 16, 16, 48]


def test_windows_and_strands_are_averaged_as_their_logits_would_be() -> None:
    """Two rows on both strands, the first of three windows, the second of one."""
    backbone = backbone_of("tiny")
    lengths = [9, 9, 4, 7, 8, 9, 5, 7]
    ids, mask = rows(backbone, lengths)
    windows = torch.tensor([3, 1, 3, 1])
    batch = Batch(ids, mask, torch.zeros(2), windows=windows, strands=2)
    with torch.no_grad():
        found = pool_layers(backbone, batch)
        states = encode_layers(backbone, ids, mask)
    for state, vectors in zip(states, found, strict=True):
        tokens = [state[i, :n] for i, n in enumerate(lengths)]
        strands = [
            torch.stack([torch.cat(tokens[begin : begin + 3]).mean(0), tokens[begin + 3].mean(0)])
            for begin in (0, 4)
        ]
        want = (strands[0] + strands[1]) / 2
        torch.testing.assert_close(vectors.double(), want, rtol=1e-5, atol=1e-6)


def test_segments_of_pairs_reach_all_layers() -> None:
    backbone = backbone_of("tiny")
    ids, mask = rows(backbone, [9, 9])
    types = (torch.arange(9) > 3).long().expand(2, 9)
    with torch.no_grad():
        plain, typed = encode_layers(backbone, ids, mask), encode_layers(backbone, ids, mask, types)
        inner = backbone.model(
            input_ids=ids, attention_mask=mask, token_type_ids=types, output_hidden_states=True
        ).hidden_states
    for without, with_types, want in zip(plain, typed, inner, strict=True):
        assert torch.equal(with_types, want)
        assert (with_types - without).abs().max() > 1e-3


def test_batches_are_read_once_in_order_and_in_evaluation_mode() -> None:
    backbone = backbone_of("dnabert2").float().train()  # dropout 0.1
    ids, mask = rows(backbone, LENGTHS)
    labels = torch.zeros(len(ids))
    batches = [
        Batch(ids[:3], mask[:3], labels[:3]),
        Batch(ids[3:, :3], mask[3:, :3], labels[3:]),
    ]
    calls: list[int] = []
    backbone.model.register_forward_hook(lambda *_: calls.append(1))
    found = read_layers(backbone, iter(batches))
    assert len(calls) == 2
    with torch.no_grad():
        want = pool_layers(backbone.eval(), Batch(ids, mask, labels))
    for layer, vectors in zip(found, want, strict=True):
        assert layer.dtype == np.float32
        np.testing.assert_allclose(layer, vectors.numpy(), rtol=1e-4, atol=1e-5)


class NoLayers(nn.Module):
    """Hands out no layers, or too few."""

    def __init__(self, states: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(8, 4)
        self.states = states

    def forward(self, input_ids: Tensor, **_: Any) -> Any:
        from transformers.modeling_outputs import BaseModelOutput

        hidden = self.embedding(input_ids)
        kept = tuple(hidden for _ in range(self.states)) or None
        return BaseModelOutput(last_hidden_state=hidden, hidden_states=kept)


@pytest.mark.parametrize("states", [0, 2, 6])
def test_a_model_without_its_layers_is_refused(states: int) -> None:
    backbone = Backbone(NoLayers(states), "mute", {}, layers=3, hidden_size=4, pooling="mean")
    ids = torch.arange(6).reshape(2, 3)
    message = r"model: mute does not hand out the hidden states of its 3 layers.*linear_probe"
    with pytest.raises(InputError, match=message):
        read_layers(backbone, [Batch(ids, torch.ones_like(ids), torch.zeros(2))])


def test_states_that_are_not_finite_are_refused() -> None:
    backbone = backbone_of("tiny").float()
    backbone.model.get_submodule("encoder.layer.0.output.dense").bias.data[3] = float("nan")
    ids, mask = rows(backbone, LENGTHS)
    with pytest.raises(InputError, match="hidden states of tiny at layer 1 are not finite"):
        read_layers(backbone, [Batch(ids, mask, torch.zeros(len(ids)))])
