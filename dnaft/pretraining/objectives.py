"""What a language model is asked to predict: masked tokens, or always the next one."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnaft.pretraining.dna_tokens import DnaTokens
from dnaft.pretraining.draws import TARGETS, uniforms
from dnaft.pretraining.examples import Rows
from dnaft.pretraining.spans import draw_spans
from dnaft.tokenizers.base import Tokenizer

Ids = NDArray[np.int64]


class TokenBatch(NamedTuple):
    """Rows to predict tokens of.

    Attributes:
        input_ids: What the model sees, (rows, tokens), int64.
        attention_mask: 1 at tokens, 0 at padding, (rows, tokens), int64; None if nothing is padded.
        places: Positions whose output shall predict something, counted through all rows one after
            the other, ascending, (targets,), int64.
        targets: The token that each shall predict, (targets,), int64.
        tokens: Tokens of the rows, padding not counted.
    """

    input_ids: Tensor
    attention_mask: Tensor | None
    places: Tensor
    targets: Tensor
    tokens: int

    def to(self, device: torch.device) -> "TokenBatch":
        """Return the batch on a device."""
        mask = self.attention_mask
        return self._replace(
            input_ids=self.input_ids.to(device),
            attention_mask=None if mask is None else mask.to(device),
            places=self.places.to(device),
            targets=self.targets.to(device),
        )


# Makes a batch of rows, a seed and the numbers of the rows, on which draws depend.
Questions = Callable[[Rows, int, Sequence[int]], TokenBatch]


class Objective(Protocol):
    """A way to pretrain.

    Attributes:
        head: Which of transformers' language-model heads is trained.
    """

    @property
    def head(self) -> Literal["masked", "causal"]: ...  # noqa: D102 - described above

    def questions(self, tokenizer: Tokenizer, dna: DnaTokens, scoring: bool) -> Questions:
        """Return what makes batches of rows.

        Args:
            tokenizer: The vocabulary.
            dna: Its tokens that spell bases.
            scoring: Whether held-out rows are to be scored: then only tokens that spell bases are
                asked for, and none of them is shown.

        Raises:
            ValueError: If vocabulary and objective do not go together.
        """
        ...


@dataclass(frozen=True)
class MaskedTokens:
    """Hide some tokens and ask for them (BERT, Devlin et al. 2019, arXiv:1810.04805).

    Hidden tokens come in spans (`dnaft.pretraining.spans`). A span is replaced by mask tokens, by
    random tokens, or left as it is, and that as a whole: one k-mer left as it is would give its
    overlapping neighbours away. Only tokens that spell bases are hidden or drawn.

    Attributes:
        fraction: Share of the tokens of a row that is asked for.
        mask_share: Share of the spans that is replaced by mask tokens.
        random_share: Share that is replaced by random tokens; the rest stays as it is.
        mean_span: Mean number of neighbouring positions that are hidden together; 1 hides single
            ones, more draws geometric lengths. Of overlapping k-mers k - 1 more tokens are hidden
            with them, as in DNABERT (Ji et al. 2021): their neighbours would show the answer.

    Raises:
        ValueError: If a number lies outside its domain.
    """

    fraction: float = 0.15
    mask_share: float = 0.8
    random_share: float = 0.1
    mean_span: float = 1.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 0 < self.fraction < 1:
            raise ValueError(f"fraction must lie between 0 and 1, got {self.fraction}")
        for name in ("mask_share", "random_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        if self.mask_share + self.random_share > 1 + 1e-9:
            raise ValueError(
                f"mask_share {self.mask_share} and random_share {self.random_share} are more "
                "than 1 together"
            )
        if not (self.mean_span >= 1 and math.isfinite(self.mean_span)):
            raise ValueError(f"mean_span must be 1 or more, got {self.mean_span}")

    @property
    def head(self) -> Literal["masked", "causal"]:
        """A head that looks both ways."""
        return "masked"

    def questions(self, tokenizer: Tokenizer, dna: DnaTokens, scoring: bool) -> Questions:
        """Return the masker, see `Objective`."""
        mask_id = tokenizer.mask_id
        if mask_id is None:
            raise ValueError(
                "the tokenizer has no mask token; take objective=causal, or another tokenizer"
            )
        overlap = 0
        if dna.stride_bp is not None and dna.width_bp is not None:
            overlap = math.ceil(dna.width_bp / dna.stride_bp) - 1
        mask_share = 1.0 if scoring else self.mask_share
        random_below = mask_share + (0.0 if scoring else self.random_share)

        def mask(rows: Rows, seed: int, numbers: Sequence[int]) -> TokenBatch:
            ids = rows.ids.copy()
            asked = np.zeros(ids.shape, dtype=bool)
            for row, number in enumerate(numbers):
                where = np.flatnonzero(rows.is_dna[row])
                if not len(where):
                    continue
                drawn = uniforms(seed, number, TARGETS, 4 * len(where)).reshape(4, -1)
                begins, ends = draw_spans(
                    len(where), self.fraction, self.mean_span, overlap, drawn[0], drawn[1]
                )
                span = np.repeat(np.arange(len(begins)), ends - begins)
                within = np.arange(len(span)) - (np.cumsum(ends - begins) - (ends - begins))[span]
                hidden = where[begins[span] + within]
                asked[row, hidden] = True
                fate = drawn[2][span]
                ids[row, hidden[fate < mask_share]] = mask_id
                replaced = hidden[(fate >= mask_share) & (fate < random_below)]
                picks = (drawn[3][: len(replaced)] * len(dna.ids)).astype(np.int64)
                ids[row, replaced] = dna.ids[picks]
            return _batch(ids, rows, asked, rows.ids)

        return mask


@dataclass(frozen=True)
class NextToken:
    """Ask at each token for the next one (GPT, OPT)."""

    @property
    def head(self) -> Literal["masked", "causal"]:
        """A head that looks back only."""
        return "causal"

    def questions(self, tokenizer: Tokenizer, dna: DnaTokens, scoring: bool) -> Questions:
        """Return what moves the tokens by one, see `Objective`."""

        def shift(rows: Rows, seed: int, numbers: Sequence[int]) -> TokenBatch:
            following = rows.is_dna if scoring else rows.inside
            asked = np.zeros(rows.ids.shape, dtype=bool)
            asked[:, :-1] = following[:, 1:]
            return _batch(rows.ids, rows, asked, np.roll(rows.ids, -1, axis=1))

        return shift


def _batch(ids: Ids, rows: Rows, asked: NDArray[np.bool_], answers: Ids) -> TokenBatch:
    inside = rows.inside
    return TokenBatch(
        input_ids=torch.from_numpy(ids),
        attention_mask=None if inside.all() else torch.from_numpy(inside.astype(np.int64)),
        places=torch.from_numpy(np.flatnonzero(asked)),
        targets=torch.from_numpy(answers[asked]),
        tokens=int(rows.lengths.sum()),
    )
