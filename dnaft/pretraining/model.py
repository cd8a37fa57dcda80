"""A transformers language model with its head, random or to be trained on."""

from pickle import UnpicklingError
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from dnaft.errors import InputError
from dnaft.models.architecture import build_config, positions, read_config
from dnaft.models.attention import implementation
from dnaft.models.checkpoint import find_checkpoint
from dnaft.models.native import register
from dnaft.pretraining.objectives import TokenBatch
from dnaft.tokenizers.base import Tokenizer

_HEADS: tuple[Literal["masked", "causal"], ...] = ("masked", "causal")


def language_model(
    model: dict[str, Any], head: Literal["masked", "causal"], tokenizer: Tokenizer, seed: int
) -> Any:
    """Return a language model in float32.

    Args:
        model: A yaml of conf/model as plain values. Without `source` the weights are random, and
            vocabulary size and padding token are those of the tokenizer.
        head: "masked" looks both ways, "causal" only back.
        tokenizer: The vocabulary.
        seed: Seed of random weights; the global random state is left alone.

    Raises:
        InputError: If the architecture or source is wrong, has no such head, or has room for
            fewer tokens than the vocabulary holds or `max_tokens` says.
    """
    register()
    loaded = (
        _random(model, head, tokenizer, seed) if model["source"] is None else _read(model, head)
    )
    rows = loaded.get_input_embeddings().weight.shape[0]
    if tokenizer.vocab_size > rows:
        raise InputError(
            f"tokenizer: its {tokenizer.vocab_size:,} tokens do not fit the {rows:,} rows of the "
            f"embedding of {model['source']}; choose the tokenizer that the model was trained with"
        )
    room = positions(loaded.config)
    if room is not None and model["max_tokens"] > room:
        raise InputError(
            f"model.max_tokens: {model['max_tokens']} are more than the {room} positions of the "
            "architecture; lower it or raise model.architecture.max_position_embeddings"
        )
    return loaded.float()


def published_head(model: dict[str, Any]) -> Literal["masked", "causal"]:
    """Return which language-model head the architecture of a source has, masked before causal.

    Args:
        model: A yaml of conf/model as plain values, with `source`.

    Raises:
        InputError: If the source cannot be read, or its architecture has neither.
    """
    register()
    config = _read_config(model)
    for head in _HEADS:
        if type(config) in _auto_class(head)._model_mapping:
            return head
    raise InputError(
        f"model.source: {model['source']} is a {config.model_type}, of which no language-model "
        "head is known here"
    )


def target_logits(model: Any, batch: TokenBatch) -> Float[Tensor, "targets vocabulary"]:
    """Return the logits at the places that a batch asks about, in float32.

    The map onto the vocabulary is handed the hidden states of these places alone: with 15% of the
    tokens asked for, most of the work of a large vocabulary falls away.

    Args:
        model: What `language_model` returned.
        batch: Rows and places, on the model's device.
    """

    def select(_module: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (inputs[0].flatten(0, 1)[batch.places][None], *inputs[1:])

    hook = model.get_output_embeddings().register_forward_pre_hook(select)
    try:
        logits: Tensor = model(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask
        ).logits
    finally:
        hook.remove()
    return logits[0].float()


def _read_config(model: dict[str, Any]) -> Any:
    folder = find_checkpoint(model["source"], model["revision"], model["allow_pickle"])
    model_type = (model["architecture"] or {}).get("model_type")
    # The heads are those of the stored form, in which q, k and v are one matrix.
    model_type = "modernbert" if model_type == "modernbert_split" else model_type
    return read_config(folder, str(folder), model_type, {"trust_remote_code": False})


def _auto_class(head: Literal["masked", "causal"]) -> Any:
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    return AutoModelForMaskedLM if head == "masked" else AutoModelForCausalLM


def _check_head(config: Any, head: Literal["masked", "causal"]) -> None:
    known = type(config) in _auto_class(head)._model_mapping
    if not known or (head == "causal" and config.model_type in ("bert", "esm")):
        # BERT can be told to look back only, but nothing that reads it later would know.
        other = "causal" if head == "masked" else "masked"
        raise InputError(
            f"objective: {config.model_type} has no {head} language model; take "
            f"objective={other} or another model"
        )


def _random(
    model: dict[str, Any], head: Literal["masked", "causal"], tokenizer: Tokenizer, seed: int
) -> Any:
    if model["architecture"] is None:
        raise InputError(
            f"model.architecture: {model['name']} states none, so only its published weights can "
            "be trained on; give model.source, or fields such as "
            "'model.architecture={model_type: bert, hidden_size: 256}'"
        )
    fields = dict(model["architecture"])
    fields |= {"vocab_size": tokenizer.vocab_size, "pad_token_id": tokenizer.pad_id}
    config = build_config(fields)
    _check_head(config, head)
    config._attn_implementation = implementation(model["attention"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _auto_class(head).from_config(config)


def _read(model: dict[str, Any], head: Literal["masked", "causal"]) -> Any:
    folder = find_checkpoint(model["source"], model["revision"], model["allow_pickle"])
    from safetensors import SafetensorError

    config = _read_config(model)
    _check_head(config, head)
    try:
        loaded, info = _auto_class(head).from_pretrained(
            str(folder),
            config=config,
            use_safetensors=None if model["allow_pickle"] else True,
            dtype=torch.float32,
            attn_implementation=implementation(model["attention"]),
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError, UnpicklingError) as error:
        first = str(error).strip().partition("\n")[0]
        raise InputError(
            f"model.source: cannot load {model['source']} with its language-model head ({first})"
        ) from error
    missing = sorted(name for name in info["missing_keys"] if "contact_head." not in name)
    if missing:
        raise InputError(
            f"model.source: {model['source']} lacks {len(missing)} weights of a {head} language "
            f"model, {missing[0]} among them; take the checkpoint with its head (or, to pretrain, "
            "random weights: model.source=null)"
        )
    return loaded
