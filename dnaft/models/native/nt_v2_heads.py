"""Nucleotide Transformer v2 with the heads of its checkpoints: masked LM, sequence classifier."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import initialization as init
from transformers.modeling_outputs import MaskedLMOutput, SequenceClassifierOutput

from dnaft.models.native.nt_v2 import NTv2Config, NTv2Model, NTv2PreTrainedModel
from dnaft.models.native.outputs import classifier_output, masked_lm_output


class LmHead(nn.Module):
    """Linear map, exact GELU, norm; then the scores of all tokens, with a bias of their own."""

    def __init__(self, config: NTv2Config) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(self, hidden: Tensor) -> Tensor:
        inner = self.layer_norm(nn.functional.gelu(self.dense(hidden)))
        scores: Tensor = self.decoder(inner) + self.bias
        return scores


class NTv2ForMaskedLM(NTv2PreTrainedModel):
    """The encoder with the language-model head."""

    _tied_weights_keys = {  # noqa: RUF012 - transformers' own form; off in published models
        "lm_head.decoder.weight": "esm.embeddings.word_embeddings.weight"
    }

    def __init__(self, config: NTv2Config) -> None:
        super().__init__(config)
        self.esm = NTv2Model(config)
        self.lm_head = LmHead(config)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, LmHead):
            init.zeros_(module.bias)

    def get_output_embeddings(self) -> nn.Module:
        """Return the map onto the vocabulary."""
        return self.lm_head.decoder

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Put another map in its place."""
        self.lm_head.add_module("decoder", new_embeddings)

    def forward(
        self,
        input_ids: Int[Tensor, "batch tokens"],
        attention_mask: Int[Tensor, "batch tokens"] | None = None,
        labels: Int[Tensor, "batch tokens"] | None = None,
        **options: Any,
    ) -> MaskedLMOutput:
        """Return the scores (batch, tokens, vocabulary), and with labels the loss.

        The loss is the mean cross-entropy over labels other than -100.
        """
        encoded = self.esm(input_ids, attention_mask, **options)
        logits: Float[Tensor, "batch tokens vocabulary"] = self.lm_head(encoded.last_hidden_state)
        return masked_lm_output(encoded, logits, labels)


class Classifier(nn.Module):
    """Dropout, linear map, tanh, dropout, linear map of the first position."""

    def __init__(self, config: NTv2Config) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.out_proj = nn.Linear(config.hidden_size, config.num_labels or 1)

    def forward(self, hidden: Tensor) -> Tensor:
        inner = torch.tanh(self.dense(self.dropout(hidden[:, 0])))
        logits: Tensor = self.out_proj(self.dropout(inner))
        return logits


class NTv2ForSequenceClassification(NTv2PreTrainedModel):
    """The encoder with ESM's classifier."""

    def __init__(self, config: NTv2Config) -> None:
        super().__init__(config)
        self.esm = NTv2Model(config)
        self.classifier = Classifier(config)
        self.post_init()

    def forward(
        self,
        input_ids: Int[Tensor, "batch tokens"],
        attention_mask: Int[Tensor, "batch tokens"] | None = None,
        labels: Int[Tensor, " batch"] | None = None,
        **options: Any,
    ) -> SequenceClassifierOutput:
        """Return the logits (batch, labels), and with labels the loss.

        The first position is read whatever the mask, as in the original: pad on the right. One
        output is a regression (mean squared error), more are classes (cross-entropy).
        """
        encoded = self.esm(input_ids, attention_mask, **options)
        logits: Float[Tensor, "batch labels"] = self.classifier(encoded.last_hidden_state)
        return classifier_output(encoded, logits, labels)
