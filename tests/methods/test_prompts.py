"""Learned positions in front of a row do in every architecture what tokens there would do."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel, PromptTuningConfig

from dnaft.config import build
from dnaft.methods.adapt import load_adapter
from dnaft.methods.any_peft import inject_peft
from dnaft.methods.prompts import inject_p_tuning, inject_prefix_tuning, inject_prompt_tuning
from dnaft.models.backbone import Backbone
from dnaft.saved_run import ADAPTER, save_model
from small_models import built, small_node

# The first yaml of each architecture.
MODELS = [
    "tiny", "nt_500m_1000g", "nt_v2_100m", "dnabert2", "gena_lm_base", "opt_125m", "opt_350m",
    "moderngena_base", "generator_eukaryote_1b2", "hyenadna_tiny_1k", "nucleotide_unet",
]  # fmt: skip
WITHOUT_PREFIXES = ("hyenadna_tiny_1k", "nucleotide_unet")
# PEFT keeps the keys of Llama as they are after the turn by their position: another law.
LLAMA = ("generator_eukaryote_1b2",)
PROMPT, TOKENS, PADS = 4, 9, 3


def small(name: str) -> Backbone:
    torch.manual_seed(5)
    backbone = built(small_node(name))
    backbone.attach_head(2, positions=32)
    with torch.no_grad():
        for parameter in backbone.model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(3)  # so that tokens do see each other
    return backbone.double().eval()


def rows(backbone: Backbone) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows whose first tokens are the same, padded on the right, and their mask."""
    generator = torch.Generator().manual_seed(1)
    config: Any = backbone.trunk.config
    ids = torch.randint(5, backbone.vocabulary_size, (3, PROMPT + TOKENS), generator=generator)
    ids[:, :PROMPT] = ids[0, :PROMPT]
    pads = torch.full((3, PADS), config.pad_token_id or 0)
    return torch.cat([ids, pads], 1), torch.cat([torch.ones_like(ids), torch.zeros_like(pads)], 1)


def real(hidden: torch.Tensor) -> torch.Tensor:
    """The hidden states of what follows the first tokens."""
    return hidden[:, -TOKENS - PADS : -PADS]


def learned(backbone: Backbone) -> torch.nn.Parameter:
    model: Any = backbone.model
    weights: torch.nn.Parameter = model.prompt_encoder["default"].embedding.weight
    return weights


@pytest.mark.parametrize("name", MODELS)
def test_a_prompt_of_embeddings_of_tokens_is_as_good_as_the_tokens(name: str) -> None:
    backbone = small(name)
    ids, mask = rows(backbone)
    with torch.no_grad():
        want = real(backbone.encode(ids, mask))
        without = real(backbone.encode(ids[:, PROMPT:], mask[:, PROMPT:]))
        embeddings = backbone.trunk.get_input_embeddings()(ids[0, :PROMPT])  # type: ignore[operator]
        inject_prompt_tuning(backbone, PROMPT)
        backbone.double().eval()
        learned(backbone).copy_(embeddings)
        got = backbone.encode(ids[:, PROMPT:], mask[:, PROMPT:])
    assert got.shape[:2] == (3, TOKENS + PADS)
    assert (want - without).abs().max() > 1e-4, "the first tokens do not matter"
    torch.testing.assert_close(real(got), want)


@pytest.mark.parametrize("name", [m for m in MODELS if m not in WITHOUT_PREFIXES + LLAMA])
def test_a_prefix_of_keys_and_values_of_tokens_is_as_good_as_the_tokens(name: str) -> None:
    """Also where PEFT hands them over as a cache (BERT, OPT): the two ways agree with one law."""
    backbone = small(name)
    ids, mask = rows(backbone)
    found: list[torch.Tensor] = []
    # A decoder's first tokens see the same in every row; an encoder's do not, so one row is enough.
    ids, mask = ids[:1], mask[:1]
    hooks = [
        backbone.model.get_submodule(matrix).register_forward_hook(
            lambda _, __, output: found.append(output[0, :PROMPT])
        )
        for layer in range(backbone.layers)
        for role in ("k", "v")
        for matrix, place in backbone.matrices.items()
        if place == (layer, role)
    ]
    with torch.no_grad():
        want = real(backbone.encode(ids, mask))
        for hook in hooks:
            hook.remove()
        without = real(backbone.encode(ids[:, PROMPT:], mask[:, PROMPT:]))
        inject_prefix_tuning(backbone, PROMPT)
        backbone.double().eval()
        # PEFT's layout: one row a position, keys then values of each layer. Hooks fire as the
        # architecture calls its matrices, keys in front of values in all of these.
        learned(backbone).copy_(torch.cat(found, dim=1))
        got = backbone.encode(ids[:, PROMPT:], mask[:, PROMPT:])
    assert (want - without).abs().max() > 1e-4, "the first tokens do not matter"
    torch.testing.assert_close(real(got), want)


@pytest.mark.parametrize("name", ["tiny", "opt_350m", "generator_eukaryote_1b2"])
@pytest.mark.parametrize("inject", [inject_prompt_tuning, inject_p_tuning, inject_prefix_tuning])
def test_where_pefts_own_forward_is_right_the_two_agree(
    name: str, inject: Any, tmp_path: Path
) -> None:
    backbone = small(name)
    ids, mask = rows(backbone)
    inject(backbone, PROMPT)
    backbone.double().eval()
    save_model(backbone, tmp_path)
    trunk: Any = small(name).model
    plain = PeftModel.from_pretrained(trunk, str(tmp_path / ADAPTER)).double().eval()
    with torch.no_grad():
        want = plain(input_ids=ids, attention_mask=mask).last_hidden_state
        # Saved numbers are read into float32.
        got = backbone.encode(ids, mask)
        torch.testing.assert_close(real(got), real(want), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["tiny", "nt_v2_100m", "hyenadna_tiny_1k"])
def test_segments_of_pairs_stay_with_their_tokens(name: str) -> None:
    """The prompt is of the first segment; models without segments do not mind."""
    backbone = small(name)
    ids, mask = rows(backbone)
    types = torch.zeros_like(ids)
    types[:, -TOKENS // 2 :] = 1
    with torch.no_grad():
        want = real(backbone.encode(ids, mask, types))
        embeddings = backbone.trunk.get_input_embeddings()(ids[0, :PROMPT])  # type: ignore[operator]
        inject_prompt_tuning(backbone, PROMPT)
        backbone.double().eval()
        learned(backbone).copy_(embeddings)
        got = backbone.encode(*(t[:, PROMPT:] for t in (ids, mask, types)))
    torch.testing.assert_close(real(got), want)


@pytest.mark.parametrize("inject", [inject_prompt_tuning, inject_prefix_tuning])
def test_gradient_checkpointing_gives_the_same_gradients(inject: Any) -> None:
    backbone = small("dnabert2")
    ids, mask = rows(backbone)
    inject(backbone, PROMPT)
    backbone.double().train()
    found = []
    for checkpointed in (False, True):
        if checkpointed:
            backbone.trunk.gradient_checkpointing_enable()  # type: ignore[operator]
        backbone.zero_grad()
        torch.manual_seed(2)
        backbone(ids, mask).sum().backward()
        gradient = learned(backbone).grad
        assert gradient is not None
        found.append(gradient.clone())
    assert found[0].abs().max() > 1e-6
    torch.testing.assert_close(found[1], found[0])


@pytest.mark.parametrize("name", ["nucleotide_unet", "hyenadna_tiny_1k", "dnabert2"])
def test_a_saved_prompt_gives_the_same_hidden_states(name: str, tmp_path: Path) -> None:
    backbone = small(name)
    ids, mask = rows(backbone)
    inject_p_tuning(backbone, PROMPT, encoder="lstm", encoder_hidden=6)
    backbone.double().eval()
    save_model(backbone, tmp_path)
    again = small(name)
    load_adapter(again, tmp_path / ADAPTER)
    with torch.no_grad():
        want = backbone.encode(ids, mask)
        got = again.double().eval().encode(ids, mask)  # saved numbers are read into float32
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)


def test_a_prompt_starts_at_embeddings_of_the_vocabulary() -> None:
    backbone = small("tiny")
    inject_prompt_tuning(backbone, PROMPT)
    known = backbone.trunk.get_input_embeddings().weight  # type: ignore[operator]
    for row in learned(backbone):
        assert (known == row).all(dim=1).any()


@pytest.mark.parametrize(
    ("name", "inject", "message"),
    [
        ("hyenadna_tiny_1k", "prefix_tuning", "takes no prefixes: it has long convolutions"),
        ("nucleotide_unet", "prefix_tuning", "takes no prefixes: its attention sees groups"),
    ],
)
def test_architectures_without_attention_over_positions_take_no_prefixes(
    name: str, inject: str, message: str
) -> None:
    node = {
        "_target_": f"dnaft.methods.prompts.inject_{inject}",
        "_partial_": True,
        "virtual_tokens": 3,
    }
    with pytest.raises(ValueError, match=f"method.inject: {name} {message}.*prompt_tuning"):
        build(node, "method.inject")(small(name))


def test_a_model_without_roles_takes_no_prompts() -> None:
    backbone = built(small_node("tiny", roles={}))
    backbone.attach_head(1)
    with pytest.raises(ValueError, match="tiny takes no prompts; use method=linear_probe"):
        inject_prompt_tuning(backbone, 3)


def test_a_configuration_of_peft_and_the_reserved_room_must_agree() -> None:
    for virtual, number, message in [
        (0, 5, "has 5 virtual tokens, and method.virtual_tokens is 0"),
        (4, 5, "has 5 virtual tokens, and method.virtual_tokens is 4"),
        (0, None, "virtual_tokens must be 1 or more, got 0"),
    ]:
        config = PromptTuningConfig(num_virtual_tokens=number)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match=message):
            inject_peft(small("tiny"), config, ("q",), virtual)
