"""DNABERT-2 with the heads of its checkpoints: masked language model, sequence classifier."""

from typing import Any

from jaxtyping import Int
from torch import Tensor, nn
from transformers.modeling_outputs import MaskedLMOutput, SequenceClassifierOutput

from dnaft.models.native.dnabert2 import Dnabert2Config, Dnabert2Model, Dnabert2PreTrainedModel
from dnaft.models.native.outputs import classifier_output, masked_lm_output


class Transform(nn.Module):
    """Linear map, exact GELU, norm: what stands between encoder and vocabulary."""

    def __init__(self, config: Dnabert2Config) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.LayerNorm(nn.functional.gelu(self.dense(hidden)))


class Predictions(nn.Module):
    """Scores of all tokens at each position."""

    def __init__(self, config: Dnabert2Config) -> None:
        super().__init__()
        self.transform = Transform(config)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.decoder(self.transform(hidden))


class Dnabert2ForMaskedLM(Dnabert2PreTrainedModel):
    """The encoder with the language-model head, whose matrix is the token embedding."""

    _tied_weights_keys = {  # noqa: RUF012 - transformers' own form
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight"
    }

    def __init__(self, config: Dnabert2Config) -> None:
        super().__init__(config)
        self.bert = Dnabert2Model(config, add_pooling_layer=False)
        self.cls = nn.ModuleDict({"predictions": Predictions(config)})
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

        As in the original, only labels above 0 count: besides -100 also [UNK], id 0.
        """
        encoded = self.bert(input_ids, attention_mask, **options)
        logits = self.cls["predictions"](encoded.last_hidden_state)
        counted = None if labels is None else labels.where(labels > 0, -100)
        return masked_lm_output(encoded, logits, counted)


class Dnabert2ForSequenceClassification(Dnabert2PreTrainedModel):
    """The encoder with the classifier of the published checkpoints: pooler, dropout, linear map."""

    def __init__(self, config: Dnabert2Config) -> None:
        super().__init__(config)
        self.bert = Dnabert2Model(config)
        rate = config.classifier_dropout
        self.dropout = nn.Dropout(config.hidden_dropout_prob if rate is None else rate)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels or 1)
        self.post_init()

    def forward(
        self,
        input_ids: Int[Tensor, "batch tokens"],
        attention_mask: Int[Tensor, "batch tokens"] | None = None,
        labels: Int[Tensor, " batch"] | None = None,
        **options: Any,
    ) -> SequenceClassifierOutput:
        """Return the logits (batch, labels), and with labels the loss.

        One output is a regression (mean squared error), more are classes (cross-entropy).
        """
        encoded = self.bert(input_ids, attention_mask, **options)
        logits = self.classifier(self.dropout(encoded.pooler_output))
        return classifier_output(encoded, logits, labels)
