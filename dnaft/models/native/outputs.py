"""What heads return: logits, the hidden states they were given, and with labels the loss."""

from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers.modeling_outputs import (
    BaseModelOutput,
    MaskedLMOutput,
    SequenceClassifierOutput,
)


def masked_lm_output(
    encoded: BaseModelOutput,
    logits: Float[Tensor, "batch tokens vocabulary"],
    labels: Int[Tensor, "batch tokens"] | None,
) -> MaskedLMOutput:
    """Return the scores; the loss is the mean cross-entropy over labels other than -100."""
    loss = None
    if labels is not None:
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
    return MaskedLMOutput(loss=loss, logits=logits, hidden_states=encoded.hidden_states)


def classifier_output(
    encoded: BaseModelOutput,
    logits: Float[Tensor, "batch labels"],
    labels: Int[Tensor, " batch"] | None,
) -> SequenceClassifierOutput:
    """Return the logits; one output is a regression (mean squared error), more are classes."""
    loss = None
    if labels is not None and logits.shape[1] == 1:
        loss = nn.functional.mse_loss(logits.squeeze(1), labels.to(logits.dtype))
    elif labels is not None:
        loss = nn.functional.cross_entropy(logits, labels)
    return SequenceClassifierOutput(loss=loss, logits=logits, hidden_states=encoded.hidden_states)
