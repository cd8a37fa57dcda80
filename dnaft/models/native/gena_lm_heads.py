"""GENA-LM with the head of its checkpoints: masked language model."""

from typing import Any

from jaxtyping import Int
from torch import Tensor, nn
from transformers.modeling_outputs import MaskedLMOutput
from transformers.models.bert.modeling_bert import BertOnlyMLMHead

from dnaft.models.native.gena_lm import GenaLmConfig, GenaLmModel, GenaLmPreTrainedModel
from dnaft.models.native.outputs import masked_lm_output


class GenaLmForMaskedLM(GenaLmPreTrainedModel):
    """The encoder with BERT's language-model head, whose matrix is the token embedding."""

    _tied_weights_keys = {  # noqa: RUF012 - transformers' own form
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    }

    def __init__(self, config: GenaLmConfig) -> None:
        super().__init__(config)
        self.bert = GenaLmModel(config)
        self.cls = BertOnlyMLMHead(config)
        self.post_init()

    def get_output_embeddings(self) -> nn.Module:
        """Return the map onto the vocabulary."""
        return self.get_submodule("cls.predictions.decoder")

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Put another map in its place."""
        self.get_submodule("cls.predictions").add_module("decoder", new_embeddings)

    def forward(
        self,
        input_ids: Int[Tensor, "batch tokens"],
        attention_mask: Int[Tensor, "batch tokens"] | None = None,
        labels: Int[Tensor, "batch tokens"] | None = None,
        **options: Any,
    ) -> MaskedLMOutput:
        """Return the scores (batch, tokens, vocabulary), and with labels the loss.

        Labels of -100 do not count.
        """
        encoded = self.bert(input_ids, attention_mask, **options)
        logits = self.cls(encoded.last_hidden_state)
        return masked_lm_output(encoded, logits, labels)
