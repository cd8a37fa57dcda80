"""HyenaDNA with the heads of its checkpoints: causal language model, sequence classifier."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers.modeling_outputs import CausalLMOutput, SequenceClassifierOutput

from dnaft.models.native.hyenadna import HyenaDnaConfig, HyenaDnaModel, HyenaDnaPreTrainedModel
from dnaft.models.native.outputs import classifier_output


class HyenaDnaForCausalLM(HyenaDnaPreTrainedModel):
    """The trunk with scores of the next token."""

    _tied_weights_keys = {  # noqa: RUF012 - transformers' own form
        "lm_head.weight": "hyena.backbone.embeddings.word_embeddings.weight"
    }

    def __init__(self, config: HyenaDnaConfig) -> None:
        super().__init__(config)
        self.hyena = HyenaDnaModel(config)
        rows = self.hyena.get_input_embeddings().get_parameter("weight").shape[0]
        self.lm_head = nn.Linear(config.d_model, rows, bias=False)
        self.post_init()

    def get_output_embeddings(self) -> nn.Linear:
        """Return the map onto the vocabulary."""
        return self.lm_head

    def set_output_embeddings(self, value: nn.Linear) -> None:
        """Put another map in its place."""
        self.lm_head = value

    def forward(
        self,
        input_ids: Int[Tensor, "batch tokens"],
        attention_mask: Int[Tensor, "batch tokens"] | None = None,
        labels: Int[Tensor, "batch tokens"] | None = None,
        **options: Any,
    ) -> CausalLMOutput:
        """Return the scores (batch, tokens, rows of the embedding), and with labels the loss.

        Scores at position t are those of token t + 1; labels stand at their own token, -100 for
        none.
        """
        encoded = self.hyena(input_ids, attention_mask, **options)
        logits = self.lm_head(encoded.last_hidden_state)
        loss = None
        if labels is not None:
            loss = nn.functional.cross_entropy(
                logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
            )
        return CausalLMOutput(loss=loss, logits=logits, hidden_states=encoded.hidden_states)


class HyenaDnaForSequenceClassification(HyenaDnaPreTrainedModel):
    """The trunk with a linear map of the last token."""

    def __init__(self, config: HyenaDnaConfig) -> None:
        super().__init__(config)
        self.hyena = HyenaDnaModel(config)
        self.score = nn.Linear(config.d_model, config.num_labels or 1, bias=False)
        self.post_init()

    def forward(
        self,
        input_ids: Int[Tensor, "batch tokens"],
        attention_mask: Int[Tensor, "batch tokens"] | None = None,
        labels: Int[Tensor, " batch"] | None = None,
        **options: Any,
    ) -> SequenceClassifierOutput:
        """Return the logits (batch, labels), and with labels the loss.

        The last token is the last that the mask calls one; without a mask it is the one in front
        of the first padding id, as in the original. One output is a regression (mean squared
        error), more are classes (cross-entropy).
        """
        encoded = self.hyena(input_ids, attention_mask, **options)
        last = self._last(input_ids, attention_mask)
        rows = torch.arange(len(last), device=last.device)
        logits: Float[Tensor, "batch labels"] = self.score(encoded.last_hidden_state[rows, last])
        return classifier_output(encoded, logits, labels)

    def _last(self, ids: Tensor, mask: Tensor | None) -> Int[Tensor, " batch"]:
        if mask is not None:
            positions = torch.arange(ids.shape[1], device=ids.device)
            return positions.where(mask.bool(), 0).amax(dim=1)
        # Without padding the first one is at 0, and position -1 is the end of the row.
        first = (ids == self.config.pad_token_id).int().argmax(dim=1)
        return (first - 1) % ids.shape[1]
