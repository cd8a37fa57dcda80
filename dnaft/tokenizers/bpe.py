"""Byte-pair encodings, learnt vocabularies that can hold bases and language alike."""

from collections.abc import Iterator, Sequence

import numpy as np

from dnaft.tokenizers.base import fingerprint
from dnaft.tokenizers.encoded import Encoded
from dnaft.tokenizers.load import load_tokenizer

# Sequences handed to the Rust tokenizer at a time: it fills all cores, and Python holds few ids.
BATCH = 1024
_MASK_NAMES = ("<mask>", "[MASK]")
_UNK_NAMES = ("<unk>", "[UNK]")


class BpeTokenizer:
    """Any tokenizer.json, such as those of DNABERT-2, OPT and GPT-2.

    What is encoded is one string, prefix + sequence + suffix, as LINGO does, so tokens can
    reach over the borders. The special tokens are those that the tokenizer's own
    post-processor adds: [CLS] .. [SEP] for DNABERT-2, </s> in front for OPT, none for GPT-2.
    Truncation and padding saved in a tokenizer.json are switched off: nothing is cut silently.
    Code that comes with a tokenizer on the hub is never run.

    A pair is encoded as the post-processor has it, specials and token types alike: [CLS] A [SEP] B
    [SEP] for DNABERT-2. The prefix stands in front of A, the suffix behind B.
    """

    encodes_text = True
    min_length_bp = 1

    def __init__(
        self,
        source: str,
        prefix: str = "",
        suffix: str = "",
        revision: str | None = None,
        pad_token: str | None = None,
        add_special_tokens: bool = True,
    ) -> None:
        """Load the vocabulary.

        Args:
            source: A tokenizer.json; a folder with one or with another Hugging Face tokenizer;
                "package:bbpe_yeast", which comes with dnaft; or an id on the hub.
            prefix: Text in front of each sequence.
            suffix: Text behind each sequence.
            revision: Branch, tag or commit on the hub.
            pad_token: Name of the padding token, if the tokenizer states none.
            add_special_tokens: Whether to add the special tokens of the post-processor.

        Raises:
            ValueError: If the tokenizer cannot be loaded or no padding token is known.
        """
        self.source = source
        self.prefix = prefix
        self.suffix = suffix
        self._add_special_tokens = add_special_tokens
        self._backend, stated = load_tokenizer(source, revision)
        self.pad_id = self._find_pad_id(pad_token, stated)
        self.mask_id = self._first_id(_MASK_NAMES)
        self.unk_id = self._first_id(_UNK_NAMES)
        # No text gives the empty token, which GROVER's vocabulary has and its embedding has not.
        vocabulary = self._backend.get_vocab(with_added_tokens=True).items()
        self.vocab_size = max((i for token, i in vocabulary if token), default=-1) + 1
        self._prepare()

    def _prepare(self) -> None:
        """Take from the vocabulary what a kind that derives from this one needs besides."""

    def encode(self, sequences: Sequence[str]) -> Encoded:
        """Return the ids of prefix + sequence + suffix, with special tokens, for each sequence."""
        return Encoded.from_rows(self._rows(sequences))

    def encode_pairs(self, first: Sequence[str], second: Sequence[str]) -> Encoded:
        """Return the ids and token types of each pair, in the tokenizer's own form.

        Raises:
            ValueError: If there are not equally many first and second sequences, or the form of
                pairs has no special token between the two.
        """
        self._check_pairs()
        pairs = [(self.prefix + a, b + self.suffix) for a, b in zip(first, second, strict=True)]
        ids: list[list[int]] = []
        types: list[int] = []
        for begin in range(0, len(pairs), BATCH):
            for encoding in self._backend.encode_batch_fast(pairs[begin : begin + BATCH]):
                ids.append(encoding.ids)
                types.extend(encoding.type_ids)
        encoded = Encoded.from_rows(ids)
        return Encoded(encoded.ids, encoded.offsets, np.array(types, dtype=np.uint8))

    def _check_pairs(self) -> None:
        """Refuse pairs that would be one sequence: many a tokenizer.json has no form of its own."""
        parts = self._backend.encode("ACGT", "ACGT").sequence_ids  # None at special tokens
        if self._add_special_tokens and 1 in parts and parts[parts.index(1) - 1] is None:
            return
        reason = (
            "its tokenizer.json has no form of pairs with a special token between the two"
            if self._add_special_tokens
            else "tokenizer.add_special_tokens=false leaves nothing between the two"
        )
        raise ValueError(
            f"tokenizer {self.source} cannot encode pairs: {reason}; use the tokenizer of a model "
            "trained on pairs, or tokenizer=kmer"
        )

    def longest_prefix(self, sequence: str, max_tokens: int) -> int:
        """Return how many leading bases fit in `max_tokens`.

        The number of tokens can fall by one when a base is added, so there may be several
        lengths that fit while the next does not. One of them is found by bisection, begun
        where the tokens of the whole sequence reach `max_tokens`.
        """
        if self._fits(sequence, max_tokens):
            return len(sequence)
        if not self._fits("", max_tokens):
            return -1
        fits, too_long = 0, len(sequence)  # stays true of the two to the end
        guess, step = self._guess(sequence, max_tokens), 1
        while too_long - fits > 1:
            middle = min(max(guess, fits + 1), too_long - 1)
            if self._fits(sequence[:middle], max_tokens):
                fits, guess = middle, middle + step
            else:
                too_long, guess = middle, middle - step
            step *= 2
            if step > too_long - fits:
                guess = (fits + too_long) // 2
        return fits

    def fingerprint(self) -> str:
        """Return a sha256 over the kind, the whole tokenizer.json, prefix, suffix and options."""
        return fingerprint(
            type(self).__name__,
            self._backend.to_str(),
            prefix=self.prefix,
            suffix=self.suffix,
            add_special_tokens=self._add_special_tokens,
        )

    def vocabulary(self) -> list[str]:
        """Return the tokens in the order of their ids, as the vocabulary writes them."""
        words = [""] * self.vocab_size
        for word, i in self._backend.get_vocab(with_added_tokens=True).items():
            words[i] = word
        return words

    def to_json(self) -> str:
        """Return the whole tokenizer.json, without prefix and suffix."""
        return str(self._backend.to_str(pretty=True))

    def _rows(self, sequences: Sequence[str]) -> Iterator[list[int]]:
        for first in range(0, len(sequences), BATCH):
            texts = [self._text(s) for s in sequences[first : first + BATCH]]
            encodings = self._backend.encode_batch_fast(
                texts, add_special_tokens=self._add_special_tokens
            )
            yield from (encoding.ids for encoding in encodings)

    def _text(self, sequence: str) -> str:
        return f"{self.prefix}{sequence}{self.suffix}"

    def _fits(self, sequence: str, max_tokens: int) -> bool:
        return len(self.encode([sequence]).ids) <= max_tokens

    def _guess(self, sequence: str, max_tokens: int) -> int:
        """Return the bases covered by as many tokens as can be had beside prefix and suffix."""
        encoding = self._backend.encode(
            self._text(sequence), add_special_tokens=self._add_special_tokens
        )
        begin, end = len(self.prefix), len(self.prefix) + len(sequence)
        ends = np.array([stop for start, stop in encoding.offsets if start < end and stop > begin])
        room = max_tokens - (len(encoding.ids) - len(ends))
        if len(ends) == 0 or room <= 0:
            return 0
        return int(ends[min(room, len(ends)) - 1]) - begin

    def _first_id(self, names: tuple[str, ...]) -> int | None:
        ids = (self._backend.token_to_id(name) for name in names)
        return next((i for i in ids if i is not None), None)

    def _find_pad_id(self, wanted: str | None, stated: str | None) -> int:
        name = wanted or stated or "<|endoftext|>"  # GPT-2 pads by its end token
        pad_id = self._backend.token_to_id(name)
        if pad_id is None:
            problem = f"has no token {wanted!r}" if wanted else "states no padding token"
            raise ValueError(
                f"tokenizer {self.source} {problem}; set tokenizer.pad_token to a token of its "
                "vocabulary that sequences never hold"
            )
        return pad_id
