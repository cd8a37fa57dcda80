"""DNABERT-2's encoder: MosaicBERT with ALiBi, gated feed-forward layers and post-normalisation.

Zhou et al. 2024 (arXiv:2306.15006), Portes et al. 2023 (arXiv:2312.17482). DNABERT-S has the same
architecture (arXiv:2402.08777). Module names are those of the published checkpoints; the stored
`Wqkv` is served as three maps, see `SplitLinear`.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutputWithPooling

from dnaft.models.native.alibi import alibi_bias, alibi_slopes
from dnaft.models.native.attention import attend, split_heads
from dnaft.models.native.split_linear import SplitLinear

# What the original adds to the scores of padded keys; small enough to leave them no weight.
PADDED_KEY = -10000.0


class Dnabert2Config(PreTrainedConfig):
    """Shape of a DNABERT-2; the fields are those of the hub's config.json.

    Attributes:
        vocab_size: Rows of the embedding.
        hidden_size: Width, a multiple of `num_attention_heads`.
        num_hidden_layers: Layers.
        num_attention_heads: Heads a layer.
        intermediate_size: Width of the feed-forward layer behind its gate.
        hidden_dropout_prob: Dropout of embeddings and of what each block adds.
        attention_probs_dropout_prob: Dropout of attention weights.
        classifier_dropout: Dropout in front of a classifier, None for `hidden_dropout_prob`.
        layer_norm_eps: Added to the variance in layer normalisation.
        initializer_range: Deviation of random weights.
        type_vocab_size: Segments with an embedding.
        pad_token_id: Id of padding.
        tie_word_embeddings: Whether the language-model head shares the token embedding.
        alibi_slopes: Slope of each head, None for those of the paper (`alibi.alibi_slopes`).
        one_sided_heads: Whether the first half of the heads looks left alone and the second half
            right alone. In the published models each head looks both ways and cannot tell one
            side from the other, which is much to ask of a small model (docs/pretraining.md).
    """

    model_type = "dnabert2"

    vocab_size: int = 4096
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.0
    classifier_dropout: float | None = None
    layer_norm_eps: float = 1e-12
    initializer_range: float = 0.02
    type_vocab_size: int = 2
    pad_token_id: int | None = 3
    tie_word_embeddings: bool = True
    alibi_slopes: list[float] | None = None
    one_sided_heads: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        """Check what no layer would notice.

        Raises:
            ValueError: If the heads do not share the width evenly, or two halves of them are
                asked for and their number is odd, or there is not one slope above 0 a head.
        """
        heads = self.num_attention_heads
        if self.hidden_size % heads:
            raise ValueError(
                f"architecture.hidden_size {self.hidden_size} is no multiple of "
                f"num_attention_heads {heads}"
            )
        if self.one_sided_heads and heads % 2:
            raise ValueError(
                f"architecture.one_sided_heads needs an even num_attention_heads, got {heads}"
            )
        slopes = self.alibi_slopes
        if slopes is not None and (len(slopes) != heads or min(slopes, default=0) <= 0):
            raise ValueError(
                f"architecture.alibi_slopes needs {heads} numbers above 0, one for each of "
                f"num_attention_heads, got {slopes}"
            )
        super().__post_init__(**kwargs)


def attention_bias(
    config: Dnabert2Config, tokens: int, like: Tensor
) -> Float[Tensor, "1 heads {tokens} {tokens}"]:
    """Return what a configuration adds to the scores of each head, see `alibi_bias`."""
    slopes = config.alibi_slopes or alibi_slopes(config.num_attention_heads)
    return alibi_bias(slopes, tokens, like, config.one_sided_heads)


class Embeddings(nn.Module):
    """Token and segment embeddings; the order of tokens comes from ALiBi alone."""

    def __init__(self, config: Dnabert2Config) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, ids: Tensor, types: Tensor | None) -> Tensor:
        segments = self.token_type_embeddings(torch.zeros_like(ids) if types is None else types)
        return self.dropout(self.LayerNorm(self.word_embeddings(ids) + segments))


class SelfAttention(nn.Module):
    """softmax(q k^T / sqrt(d) + bias) v for each head."""

    def __init__(self, config: Dnabert2Config) -> None:
        super().__init__()
        self.config = config
        self.Wqkv = SplitLinear(config.hidden_size, config.hidden_size, ("q", "k", "v"))

    def forward(
        self, x: Float[Tensor, "batch tokens hidden"], bias: Float[Tensor, "_ heads tokens tokens"]
    ) -> Float[Tensor, "batch tokens hidden"]:
        heads = self.config.num_attention_heads
        q, k, v = (split_heads(part, heads) for part in self.Wqkv(x))
        drop = self.config.attention_probs_dropout_prob if self.training else 0.0
        return attend(q, k, v, bias, drop, self.config._attn_implementation)


class AddAndNorm(nn.Module):
    """Project what attention gathered, add it to the input and normalise."""

    def __init__(self, config: Dnabert2Config) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, mixed: Tensor, x: Tensor) -> Tensor:
        return self.LayerNorm(self.dropout(self.dense(mixed)) + x)


class Attention(nn.Module):
    """Self-attention and its output projection, `self` and `output` in checkpoints."""

    def __init__(self, config: Dnabert2Config) -> None:
        super().__init__()
        self.add_module("self", SelfAttention(config))
        self.output = AddAndNorm(config)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        return self.output(self.get_submodule("self")(x, bias), x)


class GatedMlp(nn.Module):
    """GELU(first half) * second half of one matrix without bias, a second matrix, the norm."""

    def __init__(self, config: Dnabert2Config) -> None:
        super().__init__()
        self.gated_layers = nn.Linear(config.hidden_size, 2 * config.intermediate_size, bias=False)
        self.wo = nn.Linear(config.intermediate_size, config.hidden_size)
        self.layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.gated_layers(x).chunk(2, dim=-1)
        return self.layernorm(self.wo(self.dropout(nn.functional.gelu(gate) * value)) + x)


class Layer(GradientCheckpointingLayer):
    """Attention, then the gated feed-forward block."""

    def __init__(self, config: Dnabert2Config) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.mlp = GatedMlp(config)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        return self.mlp(self.attention(x, bias))


class Encoder(nn.Module):
    """The stack of layers."""

    def __init__(self, config: Dnabert2Config) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))

    def forward(self, x: Tensor, bias: Tensor) -> list[Tensor]:
        """Return the embeddings and the output of each layer."""
        states = [x]
        for layer in self.layer:
            states.append(layer(states[-1], bias))
        return states


class Pooler(nn.Module):
    """tanh of a linear map of the first position, whatever the mask."""

    def __init__(self, config: Dnabert2Config) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, hidden: Tensor) -> Tensor:
        return torch.tanh(self.dense(hidden[:, 0]))


class Dnabert2PreTrainedModel(PreTrainedModel):
    """What the model and its heads have in common."""

    config: Dnabert2Config
    config_class = Dnabert2Config
    base_model_prefix = "bert"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _no_split_modules = ["Layer"]  # noqa: RUF012 - transformers' own form


class Dnabert2Model(Dnabert2PreTrainedModel):
    """The encoder.

    Args:
        config: Its shape.
        add_pooling_layer: Whether there is the next-sentence pooler, which the published
            classifiers use.
    """

    def __init__(self, config: Dnabert2Config, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)
        self.pooler = Pooler(config) if add_pooling_layer else None
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
    ) -> BaseModelOutputWithPooling:
        """Return hidden states, 0 at padding, and the pooled first position.

        Distances of ALiBi are those in the padded row, so padding inside a row counts.

        Args:
            input_ids: Token ids.
            attention_mask: 1 at tokens, 0 at padding; all ones if left out.
            token_type_ids: Segment of each token, all 0 if left out.
            output_hidden_states: Also return the embeddings and the output of each layer.
        """
        if input_ids is None:
            raise ValueError("Dnabert2Model needs input_ids")
        x = self.embeddings(input_ids, token_type_ids)
        bias = attention_bias(self.config, input_ids.shape[1], like=x)
        if attention_mask is not None:
            padded = (1 - attention_mask[:, None, None, :].to(x.dtype)) * PADDED_KEY
            bias = bias + padded
        states = self.encoder(x, bias)
        if attention_mask is not None:
            real = attention_mask.unsqueeze(-1).to(x.dtype)
            states = [state * real for state in states]
        return BaseModelOutputWithPooling(
            last_hidden_state=states[-1],
            pooler_output=None if self.pooler is None else self.pooler(states[-1]),
            hidden_states=tuple(states) if output_hidden_states else None,
        )
