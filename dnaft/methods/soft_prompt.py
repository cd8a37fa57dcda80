"""Learned positions in front of each row, in any architecture."""

import functools
import inspect
from typing import Any

import torch
from jaxtyping import Float, Int
from peft import PeftConfig, PeftModelForFeatureExtraction, PeftType
from torch import Tensor, nn

from dnaft.models.backbone import Backbone

SERVED = (PeftType.PROMPT_TUNING, PeftType.P_TUNING, PeftType.PREFIX_TUNING)
# Why keys and values of learned positions cannot be put in front of those of the row.
_NO_PREFIX = {
    "hyenadna": "it has long convolutions in the place of attention",
    "nucleotide_unet": "its attention sees groups of bases, not positions of the row",
}


class SoftPromptModel(PeftModelForFeatureExtraction):
    """PEFT's prompts and prefixes, put in place in a way that every architecture takes.

    PEFT hands embeddings (`inputs_embeds`) or past keys and values (`past_key_values`) to the
    model. Encoders on DNA take neither, or take them wrongly: transformers' ESM then leaves out its
    position embeddings, and the scale that goes with masked tokens. Here a row gets as many
    placeholder tokens in front, and where the model embeds them, or computes their keys and values,
    what was learned takes their place. Positions, masks and segments are then the model's own
    business, and the hidden states are those that PEFT's way gives where it is open (BERT, OPT,
    Llama).

    Models with a cache are given prefixes as past keys and values, as in PEFT.

    Args:
        backbone: Backbone with its head attached and no adapter.
        config: PEFT's configuration, complete.
    """

    def __init__(self, backbone: Backbone, config: PeftConfig) -> None:
        model: Any = backbone.model
        super().__init__(model, config)
        # Of each learned position: its embedding, or its keys and values, layer by layer.
        self._placed: list[Tensor] = []
        self.cached = False
        if config.peft_type != PeftType.PREFIX_TUNING:
            self._put(model.get_input_embeddings(), 0)
        elif "past_key_values" in inspect.signature(model.forward).parameters:
            self.cached = True
        else:
            for name, (layer, role) in backbone.matrices.items():
                if role in ("k", "v"):
                    self._put(model.get_submodule(name), 2 * layer + (role == "v"))

    def forward(  # type: ignore[override]  # fewer ways to call it than PEFT has
        self,
        input_ids: Int[Tensor, "rows tokens"],
        attention_mask: Int[Tensor, "rows tokens"],
        **types: Int[Tensor, "rows tokens"],
    ) -> Any:
        """Return the model's output; its hidden states are those of the row, without the prompt.

        Args:
            input_ids: Token ids.
            attention_mask: 1 at tokens, 0 at padding.
            types: `token_type_ids`, where the model takes them; those of the prompt are 0.
        """
        settings: Any = self.active_peft_config
        room = (len(input_ids), settings.num_virtual_tokens)
        mask = torch.cat([attention_mask.new_ones(room), attention_mask], dim=1)
        base: Any = self.get_base_model()
        if self.cached:
            past = self.get_prompt(len(input_ids))
            return base(input_ids=input_ids, attention_mask=mask, past_key_values=past, **types)
        self._placed = self._learned()
        placeholder = input_ids.new_full(room, _placeholder(base.config))
        output = base(
            input_ids=torch.cat([placeholder, input_ids], dim=1),
            attention_mask=mask,
            **{k: torch.cat([t.new_zeros(room), t], dim=1) for k, t in types.items()},
        )
        output.last_hidden_state = output.last_hidden_state[:, settings.num_virtual_tokens :]
        return output

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what the last forward made, which cannot be copied with its gradients."""
        return self.__dict__ | {"_placed": []}

    def _learned(self) -> list[Float[Tensor, "prompt width"]]:
        """Return what goes in the place of the placeholders."""
        if self.peft_type != PeftType.PREFIX_TUNING:
            return [self.get_prompt(1)[0]]
        cache: Any = self.get_prompt(1)
        # (1, heads, prompt, size) to the layout of the matrices' outputs.
        return [
            part[0].transpose(0, 1).flatten(1)
            for layer in cache.layers
            for part in (layer.keys, layer.values)
        ]

    def _put(self, module: nn.Module, which: int) -> None:
        module.register_forward_hook(functools.partial(self._in_front, which))

    def _in_front(self, which: int, _: nn.Module, __: Any, output: Tensor) -> Tensor:
        learned = self._placed[which].to(output.dtype)
        rows = learned.expand(len(output), *learned.shape)
        return torch.cat([rows, output[:, len(learned) :]], dim=1)


def complete(backbone: Backbone, config: PeftConfig) -> None:
    """Fill in what PEFT would guess from the architecture, and guesses wrongly for some.

    Args:
        backbone: Backbone with its head attached and no adapter.
        config: A configuration of prompt learning with its `num_virtual_tokens`.

    Raises:
        ValueError: If the method or the architecture is not served, or nothing is to be learned.
    """
    settings: Any = config
    if config.peft_type not in SERVED:
        served = ", ".join(kind.value for kind in SERVED)
        raise ValueError(
            f"{type(config).__name__} is not served; of prompt learning there is {served}"
        )
    if not backbone.matrices:
        raise ValueError(
            f"{backbone.name} takes no prompts; use method=linear_probe or method=full"
        )
    if settings.num_virtual_tokens < 1:
        raise ValueError(f"virtual_tokens must be 1 or more, got {settings.num_virtual_tokens}")
    model: Any = backbone.model
    settings.task_type = "FEATURE_EXTRACTION"  # the class whose forward knows prompts
    settings.num_transformer_submodules = 1
    settings.num_layers = backbone.layers
    if config.peft_type == PeftType.PREFIX_TUNING:
        reason = _NO_PREFIX.get(model.config.model_type)
        if reason is not None:
            raise ValueError(
                f"{backbone.name} takes no prefixes: {reason}; use method=prompt_tuning"
            )
    else:
        settings.token_dim = model.get_input_embeddings().weight.shape[1]
        settings.num_attention_heads = 1  # PEFT asks, and does not use it


def _placeholder(config: Any) -> int:
    """Return an id that the model treats as any other: neither padding nor a mask."""
    special = (config.pad_token_id, getattr(config, "mask_token_id", None))
    return next(number for number in range(3) if number not in special)
