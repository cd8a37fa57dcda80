"""Text of a genome that names each region in plain language before, or behind, its bases."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dnaft.pretraining.dna_tokens import DnaTokens
from dnaft.pretraining.draws import TEXT, uniforms
from dnaft.pretraining.examples import Rows, pad
from dnaft.pretraining.regions import Regions, segments
from dnaft.pretraining.windows import Window, WindowSampler
from dnaft.tokenizers.base import Tokenizer

# A shorter region joins its neighbour: words of language and of DNA stay apart only in pieces of
# DNA that no word of a language looks like.
SHORTEST_BP = 20

Part = tuple[str, bool]  # a text, and whether it is DNA


class AnnotatedExamples:
    """Windows of a genome as text, in the words that LINGO's prompts use.

    A region named in front, and one named behind:

        Domain: Yeast Promoter        Domain: Yeast Genome
        Sequence: ACGT...             Sequence: ACGT...
                                      Annotation: Yeast Promoter

    A row goes on like this from region to region to the end of its window.

    Args:
        sampler: Where windows come from.
        regions: What the annotation says about each base.
        tokenizer: Its vocabulary holds words of language and DNA.
        dna: Its tokens that spell bases.
        max_tokens: Longest row; what is longer is cut at its end.
        seed: Seed of which rows name regions behind.
        behind_fraction: Share of rows that do.

    Raises:
        ValueError: If the tokenizer cannot encode text, adds special tokens elsewhere than in
            front, or joins letters of language and of DNA in one token.
    """

    def __init__(
        self,
        sampler: WindowSampler,
        regions: Regions,
        tokenizer: Tokenizer,
        dna: DnaTokens,
        max_tokens: int,
        seed: int,
        behind_fraction: float,
    ) -> None:
        if not tokenizer.encodes_text:
            raise ValueError(
                "annotated text needs a tokenizer that knows language; take tokenizer=bpe "
                "tokenizer.source=package:bbpe_yeast_text"
            )
        self.sampler = sampler
        self._regions = regions
        self._tokenizer = tokenizer
        self._dna = dna
        self._max_tokens = max_tokens
        self._seed = seed
        self._behind_fraction = behind_fraction
        self._in_front = tokenizer.encode([""])[0]
        self._texts: dict[str, NDArray[np.int32]] = {}
        self._check_borders()

    def rows(self, numbers: Sequence[int]) -> Rows:
        """Return these windows as text, encoded."""
        whole = self._rows(numbers)
        ids = pad([row[: self._max_tokens] for row, _ in whole], self._tokenizer.pad_id)
        is_dna = np.zeros(ids.shape, dtype=bool)
        for i, (_, mask) in enumerate(whole):
            is_dna[i, : len(mask)] = mask[: self._max_tokens]
        lengths = np.minimum([len(row) for row, _ in whole], self._max_tokens)
        return Rows(ids, lengths.astype(np.int64), is_dna & self._dna.is_dna[ids])

    def lengths(self, numbers: Sequence[int]) -> NDArray[np.int64]:
        """Return how many tokens these windows have before any is cut, (rows,)."""
        return np.array([len(row) for row, _ in self._rows(numbers)], dtype=np.int64)

    def _rows(self, numbers: Sequence[int]) -> list[tuple[NDArray[np.int32], NDArray[np.bool_]]]:
        """Return ids and which of them are DNA, uncut."""
        rows = [self.parts(n) for n in numbers]
        encoded = iter(self._encode([text for parts in rows for text, is_dna in parts if is_dna]))
        found = []
        for parts in rows:
            pieces = [next(encoded) if is_dna else self._text(text) for text, is_dna in parts]
            lengths = [len(self._in_front), *(len(piece) for piece in pieces)]
            kinds = [False, *(is_dna for _, is_dna in parts)]
            found.append((np.concatenate([self._in_front, *pieces]), np.repeat(kinds, lengths)))
        return found

    def parts(self, number: int) -> list[Part]:
        """Return the text of a window in pieces of language and of DNA, alternating."""
        window = self.sampler.draw(number)
        behind = uniforms(self._seed, number, TEXT, 1)[0] < self._behind_fraction
        letters = self.sampler.read(window).tobytes().decode("ascii")
        parts: list[Part] = []
        joint = ""
        for begin, end, label in segments(self._labels(window), SHORTEST_BP):
            domain = self._regions.domains[label]
            named = self._regions.neutral if behind else domain
            parts.append((f"{joint}Domain: {named}\nSequence: ", False))
            parts.append((letters[begin:end], True))
            joint = f"\nAnnotation: {domain}\n" if behind else "\n"
        if behind:
            parts.append((joint, False))
        return parts

    def labels(self, number: int) -> NDArray[np.uint8]:
        """Return the region that the text of a window names for each of its bases, (bases,)."""
        found = self._labels(self.sampler.draw(number)).copy()
        for begin, end, label in segments(found, SHORTEST_BP):
            found[begin:end] = label
        return found

    def _labels(self, window: Window) -> NDArray[np.uint8]:
        end = window.start + window.length_bp
        return self._regions.read(window.chromosome, window.start, end, window.strand)

    def _text(self, text: str) -> NDArray[np.int32]:
        if text not in self._texts:
            self._texts[text] = self._encode([text])[0]
        return self._texts[text]

    def _encode(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """Encode texts without the special tokens in front."""
        return [row[len(self._in_front) :] for row in self._tokenizer.encode(texts)]

    def _check_borders(self) -> None:
        """Pieces encoded one by one must give what their text gives, which models will be fed."""
        parts = self.parts(0)
        pieces = [self._encode([text])[0] for text, _ in parts]
        apart = np.concatenate([self._in_front, *pieces])
        together = self._tokenizer.encode(["".join(text for text, _ in parts)])[0]
        if not np.array_equal(apart, together):
            raise ValueError(
                "the tokenizer joins language and DNA, or puts special tokens behind a row; take "
                "tokenizer.source=package:bbpe_yeast_text, which keeps them apart"
            )
