"""HyenaDNA: a causal model of single nucleotides, Hyena operators in the place of attention.

Nguyen et al. 2023 (arXiv:2306.15794). Module names are those of LongSafari's checkpoints on the
hub; the stored `in_proj` is served as three maps, see `SplitLinear`.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutput

from dnaft.models.native.hyena_operator import (
    ExponentialModulation,
    HyenaOperator,
    ImplicitFilter,
    PositionalEmbedding,
    Sine,
)

# Fields of which every published checkpoint has the same value, the only one that is served.
_FIXED = {"hyena_order": 2, "use_bias": True, "hyena_filter_dropout": 0.0}


class HyenaDnaConfig(PreTrainedConfig):
    """Shape of a HyenaDNA; the fields are those of the hub's config.json.

    Attributes:
        vocab_size: Tokens; the embedding has rows up to a multiple of `pad_vocab_size_multiple`.
        d_model: Width.
        d_inner: Width of the feed-forward layers.
        n_layer: Layers.
        max_seq_len: Longest input in tokens: the long filters have values for as many positions.
        emb_dim: Positional features of the filters, an odd number above 1.
        filter_order: Hidden width of the networks that make the filters.
        num_inner_mlps: Hidden layers of these networks after the first.
        activation_freq: Frequency that their sines start from.
        train_freq: Whether the frequencies are trained.
        short_filter_order: Length of the short convolution.
        hyena_order: Projections that gate the long convolution, always 2.
        use_bias: Whether the long convolution has a skip connection, always true.
        hyena_filter_dropout: Always 0.
        embed_dropout: Dropout of the embeddings.
        hyena_dropout: Dropout inside the operators.
        layer_norm_epsilon: Added to the variance in layer normalisation.
        initializer_range: Deviation of random weights.
        pad_vocab_size_multiple: See `vocab_size`.
        pad_token_id: Id of padding.
        tie_word_embeddings: Whether the language-model head shares the token embedding.
    """

    model_type = "hyenadna"
    attribute_map = {  # noqa: RUF012 - transformers' own form
        "hidden_size": "d_model",
        "intermediate_size": "d_inner",
        "num_hidden_layers": "n_layer",
        "max_position_embeddings": "max_seq_len",
    }

    vocab_size: int = 12
    d_model: int = 256
    d_inner: int = 1024
    n_layer: int = 2
    max_seq_len: int = 1026
    emb_dim: int = 5
    filter_order: int = 64
    num_inner_mlps: int = 2
    activation_freq: float = 10
    train_freq: bool = True
    short_filter_order: int = 3
    hyena_order: int = 2
    use_bias: bool = True
    hyena_filter_dropout: float = 0.0
    embed_dropout: float = 0.1
    hyena_dropout: float = 0.0
    layer_norm_epsilon: float = 1e-5
    initializer_range: float = 0.02
    pad_vocab_size_multiple: int = 8
    pad_token_id: int | None = 4
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        """Check what no layer would notice.

        Raises:
            ValueError: If there are no whole pairs of positional features, or a field asks for a
                variant that no published checkpoint has.
        """
        if self.emb_dim < 3 or self.emb_dim % 2 == 0:
            raise ValueError(f"architecture.emb_dim must be odd and above 1, got {self.emb_dim}")
        for name, value in _FIXED.items():
            if getattr(self, name) != value:
                raise ValueError(
                    f"architecture.{name} {getattr(self, name)} is a variant that no published "
                    f"HyenaDNA has, and this code has not either; leave it at {value}"
                )
        super().__post_init__(**kwargs)


class Mlp(nn.Module):
    """Two linear maps with GELU in between, in its tanh form."""

    def __init__(self, config: HyenaDnaConfig) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.d_model, config.d_inner)
        self.fc2 = nn.Linear(config.d_inner, config.d_model)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.fc2(nn.functional.gelu(self.fc1(x), approximate="tanh"))
        return output


class Block(GradientCheckpointingLayer):
    """Pre-normalised operator and feed-forward layer; the residual is float32 or wider."""

    def __init__(self, config: HyenaDnaConfig) -> None:
        super().__init__()
        long_filter = ImplicitFilter(
            config.d_model,
            width=config.filter_order,
            inner_layers=config.num_inner_mlps,
            features=config.emb_dim,
            positions=config.max_seq_len,
            frequency=float(config.activation_freq),
            train_frequency=config.train_freq,
        )
        self.mixer = HyenaOperator(
            config.d_model, config.short_filter_order, config.hyena_dropout, long_filter
        )
        self.norm1 = nn.LayerNorm(config.d_model, eps=config.layer_norm_epsilon)
        self.mlp = Mlp(config)
        self.norm2 = nn.LayerNorm(config.d_model, eps=config.layer_norm_epsilon)

    def forward(
        self,
        residual: Float[Tensor, "batch tokens hidden"],
        real: Int[Tensor, "batch 1 tokens"] | None = None,
    ) -> Float[Tensor, "batch tokens hidden"]:
        narrow = self.norm1.weight.dtype
        residual = residual + self.mixer(self.norm1(residual.to(narrow)), real)
        output: Tensor = residual + self.mlp(self.norm2(residual.to(narrow)))
        return output


class Trunk(nn.Module):
    """Embedding, blocks and final norm, `backbone` in checkpoints."""

    def __init__(self, config: HyenaDnaConfig) -> None:
        super().__init__()
        unit = config.pad_vocab_size_multiple
        rows = -(-config.vocab_size // unit) * unit
        self.embeddings = nn.ModuleDict({"word_embeddings": nn.Embedding(rows, config.d_model)})
        self.dropout = nn.Dropout(config.embed_dropout)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.d_model, eps=config.layer_norm_epsilon)

    def forward(
        self, ids: Tensor, real: Tensor | None, keep: bool
    ) -> tuple[Tensor, tuple[Tensor, ...] | None]:
        """Return the normalised output, and the residual before each block and after the last.

        The residuals only if they are to be kept: at a million tokens each takes a gigabyte.
        """
        x = self.dropout(self.embeddings["word_embeddings"](ids))
        x = x.to(torch.promote_types(x.dtype, torch.float32))
        states: tuple[Tensor, ...] | None = (x,) if keep else None
        for layer in self.layers:
            x = layer(x, real)
            states = None if states is None else (*states, x)
        return self.ln_f(x.to(self.ln_f.weight.dtype)), states


class HyenaDnaPreTrainedModel(PreTrainedModel):
    """What the model and its heads have in common."""

    config_class = HyenaDnaConfig
    base_model_prefix = "hyena"
    supports_gradient_checkpointing = True
    _supports_sdpa = True  # there is no attention: either setting runs the same code
    _no_split_modules = ["Block"]  # noqa: RUF012 - transformers' own form

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Give random weights as GPT-2 does, and filters their positions, decays and sines."""
        deviation = self.config.initializer_range
        if isinstance(module, nn.Linear | nn.Embedding):
            init.normal_(module.weight, std=deviation)
            bias = getattr(module, "bias", None)
            if bias is not None:
                init.zeros_(bias)
        elif isinstance(module, nn.LayerNorm):
            init.ones_(module.weight)
            init.zeros_(module.bias)
        elif isinstance(module, PositionalEmbedding | ExponentialModulation):
            for name, value in module.initial().items():
                init.copy_(module.get_buffer(name), value)
        elif isinstance(module, Sine):
            init.constant_(module.freq, module.initial)
        elif isinstance(module, ImplicitFilter):
            init.normal_(module.bias)


class HyenaDnaModel(HyenaDnaPreTrainedModel):
    """The trunk without a head."""

    def __init__(self, config: HyenaDnaConfig) -> None:
        super().__init__(config)
        self.backbone = Trunk(config)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Give what adds to the residual, 2 * n_layer terms, so much smaller weights."""
        super()._init_weights(module)
        scale = (2 * self.config.n_layer) ** -0.5
        for layer in range(self.config.n_layer):
            for part in ("mixer.out_proj", "mlp.fc2"):
                if module is self.backbone.get_submodule(f"layers.{layer}.{part}"):
                    weight = module.get_parameter("weight")
                    init.normal_(weight, std=self.config.initializer_range * scale)

    def get_input_embeddings(self) -> nn.Module:
        """Return the token embedding."""
        return self.backbone.embeddings["word_embeddings"]

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Put another token embedding in its place."""
        self.backbone.embeddings["word_embeddings"] = value

    def forward(
        self,
        input_ids: Int[Tensor, "batch tokens"] | None = None,
        attention_mask: Int[Tensor, "batch tokens"] | None = None,
        output_hidden_states: bool = False,
        **_: Any,
    ) -> BaseModelOutput:
        """Return hidden states, each of which depends on its own and earlier tokens alone.

        A filter knows distances, not positions, so tokens behind left padding come out as without
        it, as long as the mask is given; tokens in front of right padding do in any case. Padding
        inside a row counts as distance. What is returned at padding means nothing.

        Args:
            input_ids: Token ids.
            attention_mask: 1 at tokens, 0 at padding. If left out, padding is read as a token,
                as by the original.
            output_hidden_states: Also return the embeddings and the output of each block, before
                the final norm.

        Raises:
            ValueError: If the input is longer than the filters.
        """
        if input_ids is None:
            raise ValueError("HyenaDnaModel needs input_ids")
        if input_ids.shape[1] > self.config.max_seq_len:
            raise ValueError(
                f"HyenaDnaModel: {input_ids.shape[1]} tokens are more than max_seq_len "
                f"{self.config.max_seq_len}; cut the input, or take a model for longer ones"
            )
        real = None if attention_mask is None else attention_mask.unsqueeze(1)
        hidden, states = self.backbone(input_ids, real, output_hidden_states)
        return BaseModelOutput(last_hidden_state=hidden, hidden_states=states)
