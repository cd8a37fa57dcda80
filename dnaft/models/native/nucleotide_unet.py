"""A small encoder of single nucleotides: convolutions at each base, attention between codons.

Our own composition for models that run on a processor. A convolutional stem reads motifs base by
base, as in Enformer (Avsec et al. 2021, doi:10.1038/s41592-021-01252-x); a strided convolution
makes one token of `stride` bases; DNABERT-2's layers (ALiBi, gated MLP, arXiv:2306.15006) work on
those; as in U-Net (Ronneberger et al. 2015, arXiv:1505.04597) their output goes back to the bases,
joins what the stem had there, and passes more convolutions. A hidden state of `stem_width` per base
comes out. With stride 3 a layer costs a third, and its attention a ninth; and as three is the
length of a codon, all tokens of a gene have the same reading frame, which attention can then agree
on without knowing where it is. With any other stride it cannot (docs/pretraining.md).
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput, MaskedLMOutput

from dnaft.models.native.dnabert2 import PADDED_KEY, Dnabert2Config, Encoder, attention_bias
from dnaft.models.native.outputs import masked_lm_output


class NucleotideUNetConfig(Dnabert2Config):
    """Shape of the model; what is not named here is DNABERT-2's.

    Attributes:
        vocab_size: Rows of the embedding.
        hidden_size: Width of the layers.
        stem_width: Width at the bases, also of the output.
        stem_layers: Convolutional blocks in front of the layers.
        decoder_layers: Convolutional blocks behind them.
        kernel_size: Bases that each of these blocks sees, an odd number.
        stride: Bases a token.
    """

    model_type = "nucleotide_unet"

    vocab_size: int = 10
    hidden_size: int = 128
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    intermediate_size: int = 256
    hidden_dropout_prob: float = 0.0
    pad_token_id: int | None = 0
    tie_word_embeddings: bool = False
    stem_width: int = 48
    stem_layers: int = 2
    decoder_layers: int = 1
    kernel_size: int = 9
    stride: int = 3

    def __post_init__(self, **kwargs: Any) -> None:
        """Check what no layer would notice.

        Raises:
            ValueError: If blocks could not be centred on their base, or a token has no base.
        """
        if self.kernel_size < 1 or self.kernel_size % 2 == 0:
            raise ValueError(f"architecture.kernel_size must be odd, got {self.kernel_size}")
        if self.stride < 1:
            raise ValueError(f"architecture.stride must be 1 or more, got {self.stride}")
        super().__post_init__(**kwargs)


class ConvolutionBlock(nn.Module):
    """x + W GELU(convolution(norm(x))), where padding counts as zero."""

    def __init__(self, config: NucleotideUNetConfig) -> None:
        super().__init__()
        width, size = config.stem_width, config.kernel_size
        self.norm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.convolution = nn.Conv1d(width, width, size, padding=size // 2)
        self.dense = nn.Linear(width, width)

    def forward(
        self, x: Float[Tensor, "batch bases width"], real: Float[Tensor, "batch bases 1"]
    ) -> Float[Tensor, "batch bases width"]:
        seen = self.convolution((self.norm(x) * real).transpose(1, 2)).transpose(1, 2)
        # GELU's gradient is slow where its input and what comes back lie differently in memory.
        return (x + self.dense(nn.functional.gelu(seen.contiguous()))) * real


class NucleotideUNetPreTrainedModel(PreTrainedModel):
    """What the model and its head have in common."""

    config: NucleotideUNetConfig
    config_class = NucleotideUNetConfig
    base_model_prefix = "unet"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _no_split_modules = ["Layer"]  # noqa: RUF012 - transformers' own form


class NucleotideUNetModel(NucleotideUNetPreTrainedModel):
    """The encoder.

    Args:
        config: Its shape.
    """

    def __init__(self, config: NucleotideUNetConfig) -> None:
        super().__init__(config)
        width, eps = config.stem_width, config.layer_norm_eps
        self.word_embeddings = nn.Embedding(config.vocab_size, width)
        self.embedding_norm = nn.LayerNorm(width, eps=eps)
        self.stem = nn.ModuleList(ConvolutionBlock(config) for _ in range(config.stem_layers))
        self.down = nn.Conv1d(width, config.hidden_size, config.stride, stride=config.stride)
        self.down_norm = nn.LayerNorm(config.hidden_size, eps=eps)
        self.encoder = Encoder(config)
        self.up = nn.Linear(config.hidden_size, width * config.stride)
        self.decoder = nn.ModuleList(ConvolutionBlock(config) for _ in range(config.decoder_layers))
        self.norm = nn.LayerNorm(width, eps=eps)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        """Return the token embedding."""
        return self.word_embeddings

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Put another token embedding in its place."""
        self.add_module("word_embeddings", value)

    def forward(
        self,
        input_ids: Int[Tensor, "batch bases"],
        attention_mask: Int[Tensor, "batch bases"] | None = None,
        output_hidden_states: bool = False,
        **_: Any,
    ) -> BaseModelOutput:
        """Return hidden states (batch, bases, stem_width), 0 at padding.

        Tokens of `stride` bases are counted from the first real one, so it does not matter on
        which side padding lies.

        Args:
            input_ids: Ids, one a base.
            attention_mask: 1 at bases, 0 at padding; all ones if left out.
            output_hidden_states: Also return what enters each layer and leaves the last, repeated
                for each base, (batch, bases, hidden_size), and behind them the output.
        """
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        bases = input_ids.shape[1]
        first = attention_mask.argmax(dim=1, keepdim=True)
        place = torch.arange(bases, device=input_ids.device)
        to_front, back = (place + first) % bases, (place - first) % bases
        rest = -bases % self.config.stride
        ids = nn.functional.pad(input_ids.gather(1, to_front), (0, rest))
        mask = nn.functional.pad(attention_mask.gather(1, to_front), (0, rest))

        x = self.embedding_norm(self.word_embeddings(ids))
        real = mask.unsqueeze(-1).to(x.dtype)
        x = x * real
        for block in self.stem:
            x = block(x, real)
        states = self._at_tokens(x, mask)
        x = (x + self.up(states[-1]).unflatten(-1, (self.config.stride, -1)).flatten(1, 2)) * real
        for block in self.decoder:
            x = block(x, real)
        output = self._in_place(self.norm(x) * real, back)
        hidden_states: tuple[Tensor, ...] | None = None
        if output_hidden_states:
            repeated = (s.repeat_interleave(self.config.stride, dim=1) * real for s in states)
            hidden_states = (*(self._in_place(state, back) for state in repeated), output)
        return BaseModelOutput(last_hidden_state=output, hidden_states=hidden_states)

    def _at_tokens(self, x: Tensor, mask: Tensor) -> list[Tensor]:
        """Return what enters each layer, and the output of the last, (batch, tokens, hidden)."""
        tokens = self.down_norm(self.down(x.transpose(1, 2)).transpose(1, 2))
        real = mask.unflatten(1, (-1, self.config.stride)).amax(dim=-1).to(tokens.dtype)
        bias = attention_bias(self.config, tokens.shape[1], like=tokens)
        return self.encoder(tokens, bias + (1 - real[:, None, None, :]) * PADDED_KEY)

    def _in_place(self, x: Tensor, back: Tensor) -> Tensor:
        return x.gather(1, back.unsqueeze(-1).expand(-1, -1, x.shape[-1]))


class NucleotideUNetForMaskedLM(NucleotideUNetPreTrainedModel):
    """The encoder with scores of all ids at each base."""

    def __init__(self, config: NucleotideUNetConfig) -> None:
        super().__init__(config)
        self.unet = NucleotideUNetModel(config)
        self.lm_head = nn.Linear(config.stem_width, config.vocab_size)
        self.post_init()

    def get_output_embeddings(self) -> nn.Module:
        """Return the map onto the vocabulary."""
        return self.lm_head

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Put another map in its place."""
        self.add_module("lm_head", new_embeddings)

    def forward(
        self,
        input_ids: Int[Tensor, "batch bases"],
        attention_mask: Int[Tensor, "batch bases"] | None = None,
        labels: Int[Tensor, "batch bases"] | None = None,
        **options: Any,
    ) -> MaskedLMOutput:
        """Return the scores (batch, bases, vocabulary), and with labels the loss.

        The loss is the mean cross-entropy over labels other than -100.
        """
        encoded = self.unet(input_ids, attention_mask, **options)
        logits = self.lm_head(encoded.last_hidden_state)
        return masked_lm_output(encoded, logits, labels)
