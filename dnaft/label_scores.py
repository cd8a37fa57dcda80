"""Areas of each label of a multi-label task by itself."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dnaft.label_table import LabelScore
from dnaft.metrics import to_scores
from dnaft.scores import auprc, auroc


def score_labels(
    split: str, logits: Tensor, labels: Tensor, names: Sequence[str] = ()
) -> list[LabelScore]:
    """Return the scores whose mean over labels is the macro AUROC and AUPRC of the split.

    A label with one value only has neither. As in `dnaft.metrics`, all are nan if one logit is
    not finite.

    Args:
        split: Its name.
        logits: (rows, labels).
        labels: 0 or 1, (rows, labels).
        names: Names of the labels, or none.
    """
    sound = bool(logits.isfinite().all())
    found = []
    for j in range(labels.shape[1]):
        positive = labels[:, j] == 1
        probability = to_scores("multilabel", logits[:, j])
        areas = [area(probability, positive) if sound else torch.nan for area in (auroc, auprc)]
        name = names[j] if len(names) else ""
        found.append(LabelScore(split, j, name, len(labels), int(positive.sum()), *areas))
    return found
