"""GENA-LM's encoder: BERT with the norms in front of each block instead of behind.

Fishman et al. 2025 (doi:10.1093/nar/gkae1310); pre-normalisation as in Xiong et al. 2020
(arXiv:2002.04745). Module names are those of the published checkpoints. The sparse models of the
family (DeepSpeed kernels, rotary positions) have another attention and are not these.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutput

from dnaft.models.native.attention import attend, split_heads

# What the form taken here is; the published config.json says so in these words.
_FORM = {"pre_layer_norm": True, "position_embedding_type": "absolute", "hidden_act": "gelu"}
_POSITION_IDS = "embeddings.position_ids"  # a buffer of the checkpoints, 0 1 2 ...


class GenaLmConfig(PreTrainedConfig):
    """Shape of a GENA-LM; the fields are those of the hub's config.json.

    Attributes:
        vocab_size: Rows of the embedding.
        hidden_size: Width, a multiple of `num_attention_heads`.
        num_hidden_layers: Layers.
        num_attention_heads: Heads a layer.
        intermediate_size: Width of the feed-forward layer.
        max_position_embeddings: Rows of the position embedding, and the longest input.
        type_vocab_size: Segments with an embedding.
        hidden_dropout_prob: Dropout of embeddings and of what each block adds.
        attention_probs_dropout_prob: Dropout of attention weights.
        layer_norm_eps: Added to the variance in layer normalisation.
        last_layer_norm: Whether the last layer's output is normalised; None for yes, which is what
            a published config.json means that does not say.
        pre_layer_norm: Must be true.
        position_embedding_type: Must be "absolute".
        hidden_act: Must be "gelu".
        initializer_range: Deviation of random weights.
        pad_token_id: Id of padding.
        tie_word_embeddings: Whether the language-model head shares the token embedding.
    """

    model_type = "gena_lm"

    vocab_size: int = 32000
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    layer_norm_eps: float = 1e-12
    last_layer_norm: bool | None = None
    pre_layer_norm: bool = True
    position_embedding_type: str = "absolute"
    hidden_act: str = "gelu"
    initializer_range: float = 0.02
    pad_token_id: int | None = 3
    tie_word_embeddings: bool = True

    def __post_init__(self, **kwargs: Any) -> None:
        """Check what no layer would notice.

        Raises:
            ValueError: If the heads do not share the width evenly, or it is another form of BERT.
        """
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"architecture.hidden_size {self.hidden_size} is no multiple of "
                f"num_attention_heads {self.num_attention_heads}"
            )
        for name, value in _FORM.items():
            if getattr(self, name) != value:
                raise ValueError(
                    f"architecture.{name}: gena_lm is for {value!r} only, got "
                    f"{getattr(self, name)!r}; for a stock BERT take model_type bert"
                )
        super().__post_init__(**kwargs)


class Embeddings(nn.Module):
    """Token, segment and learnt position embeddings, normalised."""

    def __init__(self, config: GenaLmConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.word_embeddings = nn.Embedding(config.vocab_size, width)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, width)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, width)
        self.LayerNorm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, ids: Tensor, types: Tensor | None) -> Tensor:
        segments = self.token_type_embeddings(torch.zeros_like(ids) if types is None else types)
        places = self.position_embeddings(torch.arange(ids.shape[1], device=ids.device))
        return self.dropout(self.LayerNorm(self.word_embeddings(ids) + segments + places))


class SelfAttention(nn.Module):
    """softmax(q k^T / sqrt(d)) v for each head, over real tokens."""

    def __init__(self, config: GenaLmConfig) -> None:
        super().__init__()
        self.config = config
        for part in ("query", "key", "value"):
            self.add_module(part, nn.Linear(config.hidden_size, config.hidden_size))

    def forward(
        self,
        x: Float[Tensor, "batch tokens hidden"],
        real: Bool[Tensor, "batch 1 1 tokens"] | None,
    ) -> Float[Tensor, "batch tokens hidden"]:
        heads = self.config.num_attention_heads
        q, k, v = (
            split_heads(self.get_submodule(part)(x), heads) for part in ("query", "key", "value")
        )
        drop = self.config.attention_probs_dropout_prob if self.training else 0.0
        return attend(q, k, v, real, drop, self.config._attn_implementation)


class Projection(nn.Module):
    """A linear map and dropout; a post-normalised BERT has its norm here."""

    def __init__(self, config: GenaLmConfig, d_in: int) -> None:
        super().__init__()
        self.dense = nn.Linear(d_in, config.hidden_size)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.dense(x))


class Layer(GradientCheckpointingLayer):
    """x + attention(norm(x)), then x + feed-forward(norm(x))."""

    def __init__(self, config: GenaLmConfig) -> None:
        super().__init__()
        width, eps = config.hidden_size, config.layer_norm_eps
        self.pre_attention_ln = nn.LayerNorm(width, eps=eps)
        self.attention = nn.ModuleDict(
            {"self": SelfAttention(config), "output": Projection(config, width)}
        )
        self.post_attention_ln = nn.LayerNorm(width, eps=eps)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, config.intermediate_size)})
        self.output = Projection(config, config.intermediate_size)

    def forward(self, x: Tensor, real: Tensor | None) -> Tensor:
        gathered = self.attention["self"](self.pre_attention_ln(x), real)
        x = x + self.attention["output"](gathered)
        inner = nn.functional.gelu(self.intermediate["dense"](self.post_attention_ln(x)))
        return x + self.output(inner)


class Encoder(nn.Module):
    """The stack of layers, and the norm behind it where the model has one."""

    def __init__(self, config: GenaLmConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.last_layer_ln: nn.Module | None = None
        if config.last_layer_norm is not False:
            self.last_layer_ln = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, x: Tensor, real: Tensor | None) -> list[Tensor]:
        """Return the embeddings and the output of each layer, the last one normalised."""
        states = [x]
        for layer in self.layer:
            states.append(layer(states[-1], real))
        if self.last_layer_ln is not None:
            states[-1] = self.last_layer_ln(states[-1])
        return states


class GenaLmPreTrainedModel(PreTrainedModel):
    """What the model and its head have in common."""

    config_class = GenaLmConfig
    base_model_prefix = "bert"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _no_split_modules = ["Layer"]  # noqa: RUF012 - transformers' own form
    _keys_to_ignore_on_load_unexpected = [r"position_ids$"]  # noqa: RUF012


class GenaLmModel(GenaLmPreTrainedModel):
    """The encoder.

    Args:
        config: Its shape.
    """

    def __init__(self, config: GenaLmConfig) -> None:
        super().__init__(config)
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)
        self.register_load_state_dict_pre_hook(_drop_position_ids)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        """Return the token embedding."""
        return self.embeddings.word_embeddings

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Put another token embedding in its place."""
        self.embeddings.add_module("word_embeddings", value)

    def forward(
        self,
        input_ids: Int[Tensor, "batch tokens"] | None = None,
        attention_mask: Int[Tensor, "batch tokens"] | None = None,
        token_type_ids: Int[Tensor, "batch tokens"] | None = None,
        output_hidden_states: bool = False,
        **_: Any,
    ) -> BaseModelOutput:
        """Return hidden states.

        Positions are those in the padded row, as in the original: pad on the right.

        Args:
            input_ids: Token ids.
            attention_mask: 1 at tokens, 0 at padding; all ones if left out.
            token_type_ids: Segment of each token, all 0 if left out.
            output_hidden_states: Also return the embeddings and the output of each layer.
        """
        if input_ids is None:
            raise ValueError("GenaLmModel needs input_ids")
        real = None if attention_mask is None else attention_mask.bool()[:, None, None, :]
        states = self.encoder(self.embeddings(input_ids, token_type_ids), real)
        return BaseModelOutput(
            last_hidden_state=states[-1],
            hidden_states=tuple(states) if output_hidden_states else None,
        )


def _drop_position_ids(_: nn.Module, state: dict[str, Any], prefix: str, *__: object) -> None:
    state.pop(prefix + _POSITION_IDS, None)
