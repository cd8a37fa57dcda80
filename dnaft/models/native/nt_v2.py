"""Nucleotide Transformer v2: ESM with SwiGLU feed-forward layers and rotary positions.

Dalla-Torre et al. 2024 (doi:10.1038/s41592-024-02523-z); SwiGLU: Shazeer 2020 (arXiv:2002.05202);
rotary positions: Su et al. 2021 (arXiv:2104.09864). Module names are those of the published
checkpoints, whose config.json calls the architecture "esm" and brings code of its own.
"""

from typing import Any

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutput

from dnaft.models.native.attention import attend, split_heads
from dnaft.models.native.rotary import rotate, rotation

# Share of tokens that ESM's pretraining replaces by the mask token: 80 % of the 15 % chosen.
_MASKED_IN_PRETRAINING = 0.15 * 0.8
# What checkpoints hold and no output depends on; inv_freq follows from the head size.
UNUSED = ("position_embeddings.weight", "position_ids", "rotary_embeddings.inv_freq")
UNUSED_MODULE = "contact_head."


class NTv2Config(PreTrainedConfig):
    """Shape of a Nucleotide Transformer v2; the fields are those of the hub's config.json.

    Attributes:
        vocab_size: Rows of the embedding.
        hidden_size: Width; its share for each head must be even.
        num_hidden_layers: Layers.
        num_attention_heads: Heads a layer.
        intermediate_size: Width of the feed-forward layer behind its gate.
        add_bias_fnn: Whether the feed-forward matrices have biases.
        position_embedding_type: Must be "rotary".
        max_position_embeddings: Two more than the tokens of the longest input in pretraining;
            rotary positions set no limit, so nothing reads it.
        emb_layer_norm_before: Whether embeddings are normalised.
        token_dropout: Whether mask tokens are embedded as zero and the rest is scaled for it.
        hidden_dropout_prob: Dropout of what each block adds, and in the classifier.
        attention_probs_dropout_prob: Dropout of attention weights.
        layer_norm_eps: Added to the variance in layer normalisation.
        initializer_range: Deviation of random weights.
        mask_token_id: Id of the mask token, for `token_dropout`.
        pad_token_id: Id of padding.
        tie_word_embeddings: Whether the language-model head shares the token embedding.
    """

    model_type = "nt_v2"

    vocab_size: int = 4107
    hidden_size: int = 512
    num_hidden_layers: int = 12
    num_attention_heads: int = 16
    intermediate_size: int = 2048
    add_bias_fnn: bool = True
    position_embedding_type: str = "rotary"
    max_position_embeddings: int = 2050
    emb_layer_norm_before: bool | None = False
    token_dropout: bool = False
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    layer_norm_eps: float = 1e-12
    initializer_range: float = 0.02
    mask_token_id: int = 2
    pad_token_id: int | None = 1
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        """Check what no layer would notice.

        Raises:
            ValueError: If the heads do not share the width evenly, in even shares, or positions
                are not rotary.
        """
        if self.hidden_size % (2 * self.num_attention_heads):
            raise ValueError(
                f"architecture.hidden_size {self.hidden_size} is no multiple of twice "
                f"num_attention_heads {self.num_attention_heads}: rotary positions turn pairs"
            )
        if self.position_embedding_type != "rotary":
            raise ValueError(
                "architecture.position_embedding_type: nt_v2 is for 'rotary' only, got "
                f"{self.position_embedding_type!r}; the first models are of model_type esm"
            )
        super().__post_init__(**kwargs)


class Embeddings(nn.Module):
    """Token embeddings, zero at padding."""

    def __init__(self, config: NTv2Config) -> None:
        super().__init__()
        self.config = config
        width = config.hidden_size
        self.word_embeddings = nn.Embedding(
            config.vocab_size, width, padding_idx=config.pad_token_id
        )
        self.layer_norm: nn.Module | None = None
        if config.emb_layer_norm_before:
            self.layer_norm = nn.LayerNorm(width, eps=config.layer_norm_eps)

    def forward(self, ids: Tensor, mask: Tensor | None) -> Tensor:
        x = self.word_embeddings(ids)
        if self.config.token_dropout:
            masked = ids.eq(self.config.mask_token_id)
            tokens = ids.shape[1] if mask is None else mask.sum(dim=-1)
            share = masked.sum(dim=-1).float() / tokens  # float32 in the original, too
            x = x.masked_fill(masked.unsqueeze(-1), 0)
            x = (x * (1 - _MASKED_IN_PRETRAINING) / (1 - share)[:, None, None]).to(x.dtype)
        if self.layer_norm is not None:
            x = self.layer_norm(x)
        return x if mask is None else x * mask.unsqueeze(-1).to(x.dtype)


class SelfAttention(nn.Module):
    """softmax(R q (R k)^T / sqrt(d)) v for each head, R the rotation, over real tokens."""

    def __init__(self, config: NTv2Config) -> None:
        super().__init__()
        self.config = config
        for part in ("query", "key", "value"):
            self.add_module(part, nn.Linear(config.hidden_size, config.hidden_size))

    def forward(
        self,
        x: Float[Tensor, "batch tokens hidden"],
        real: Bool[Tensor, "batch 1 1 tokens"] | None,
        turn: Float[Tensor, "2 tokens half"],
    ) -> Float[Tensor, "batch tokens hidden"]:
        heads = self.config.num_attention_heads
        q, k, v = (
            split_heads(self.get_submodule(part)(x), heads) for part in ("query", "key", "value")
        )
        q, k = rotate(q, turn), rotate(k, turn)
        drop = self.config.attention_probs_dropout_prob if self.training else 0.0
        return attend(q, k, v, real, drop, self.config._attn_implementation)


class Projection(nn.Module):
    """A linear map and dropout: what a block adds to the residual."""

    def __init__(self, config: NTv2Config, d_in: int, bias: bool) -> None:
        super().__init__()
        self.dense = nn.Linear(d_in, config.hidden_size, bias=bias)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.dense(x))


class Layer(GradientCheckpointingLayer):
    """x + attention(norm(x)), then x + W (silu(first half) * second half) of norm(x)."""

    def __init__(self, config: NTv2Config) -> None:
        super().__init__()
        width, inner, bias = config.hidden_size, config.intermediate_size, config.add_bias_fnn
        self.attention = nn.ModuleDict(
            {
                "self": SelfAttention(config),
                "output": Projection(config, width, bias=True),
                "LayerNorm": nn.LayerNorm(width, eps=config.layer_norm_eps),
            }
        )
        self.LayerNorm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, 2 * inner, bias=bias)})
        self.output = Projection(config, inner, bias)

    def forward(self, x: Tensor, real: Tensor | None, turn: Tensor) -> Tensor:
        gathered = self.attention["self"](self.attention["LayerNorm"](x), real, turn)
        x = x + self.attention["output"](gathered)
        gate, value = self.intermediate["dense"](self.LayerNorm(x)).chunk(2, dim=-1)
        return x + self.output(nn.functional.silu(gate) * value)


class Encoder(nn.Module):
    """The stack of layers and the norm behind it."""

    def __init__(self, config: NTv2Config) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.emb_layer_norm_after = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, x: Tensor, real: Tensor | None, turn: Tensor) -> list[Tensor]:
        """Return the embeddings and the output of each layer, the last one normalised."""
        states = [x]
        for layer in self.layer:
            states.append(layer(states[-1], real, turn))
        states[-1] = self.emb_layer_norm_after(states[-1])
        return states


class NTv2PreTrainedModel(PreTrainedModel):
    """What the model and its heads have in common."""

    config_class = NTv2Config
    base_model_prefix = "esm"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _no_split_modules = ["Layer"]  # noqa: RUF012 - transformers' own form
    _keys_to_ignore_on_load_unexpected = [  # noqa: RUF012
        *(rf"{name}$" for name in UNUSED),
        rf"(^|\.){UNUSED_MODULE}",
    ]


class NTv2Model(NTv2PreTrainedModel):
    """The encoder.

    Args:
        config: Its shape.
    """

    def __init__(self, config: NTv2Config) -> None:
        super().__init__(config)
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)
        self.register_load_state_dict_pre_hook(_drop_unused)
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
        output_hidden_states: bool = False,
        **_: Any,
    ) -> BaseModelOutput:
        """Return hidden states (batch, tokens, hidden); those at padding mean nothing.

        Rotary positions act through their differences, so it does not matter on which side
        padding lies; inside a row it counts as distance.

        Args:
            input_ids: Token ids.
            attention_mask: 1 at tokens, 0 at padding; all ones if left out.
            output_hidden_states: Also return what enters each layer, and the normalised output of
                the last one.

        Raises:
            ValueError: If there are no ids.
        """
        if input_ids is None:
            raise ValueError("NTv2Model needs input_ids")
        x = self.embeddings(input_ids, attention_mask)
        real = None if attention_mask is None else attention_mask.bool()[:, None, None, :]
        head_size = self.config.hidden_size // self.config.num_attention_heads
        states = self.encoder(x, real, rotation(head_size, input_ids.shape[1], like=x))
        return BaseModelOutput(
            last_hidden_state=states[-1],
            hidden_states=tuple(states) if output_hidden_states else None,
        )


def _drop_unused(_: nn.Module, state: dict[str, Any], prefix: str, *__: object) -> None:
    for name in [name for name in state if name.startswith(prefix)]:
        if name.startswith(prefix + UNUSED_MODULE) or name.endswith(UNUSED):
            del state[name]
