"""What a data loader hands to the model."""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Padded sequences with their labels.

    A row is one labelled example. Most rows are one line of `input_ids`; a row read in windows is
    several, one below the other. Read on both strands, all rows come as given and then, in the same
    order, all of them as their reverse complements.

    Attributes:
        input_ids: Token ids, (windows, tokens), int64; as many windows as rows if none is long,
            twice as many with both strands.
        attention_mask: 1 at tokens, 0 at padding, (windows, tokens), int64.
        labels: (rows,) int64 classes for multi-class tasks; (rows,) float32 for binary tasks
            (0 or 1) and for a single regression target; (rows, outputs) float32 otherwise.
        token_type_ids: For pairs: 0 at the tokens of the first sequence, 1 at those of the second,
            0 at padding, (windows, tokens), int64. None for single sequences.
        windows: How many windows each row has, (rows,), int64; None if each has one. With both
            strands (2 * rows,).
        strands: 2 if each row is read on both strands, else 1.
        states: What the frozen part of the model makes of the rows, if that was computed before:
            pooled vectors, (rows, hidden), twice as many with both strands, and then there are no
            tokens; or hidden states, (windows, places, width), 0 at padding. None if not.
    """

    input_ids: Tensor
    attention_mask: Tensor
    labels: Tensor
    token_type_ids: Tensor | None = None
    windows: Tensor | None = None
    strands: int = 1
    states: Tensor | None = None

    @property
    def inputs(self) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None, Tensor | None]:
        """What `Backbone` is called with: ids, mask, token types, windows, states."""
        return (
            self.input_ids,
            self.attention_mask,
            self.token_type_ids,
            self.windows,
            self.states,
        )
