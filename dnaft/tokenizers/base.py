"""What every tokenizer offers."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from dnaft.tokenizers.encoded import Encoded

# Raise it when a change of code changes ids: cached encodings are then made anew.
FORMAT_VERSION = 1


class Tokenizer(Protocol):
    """Turns sequences into rows of token ids.

    Attributes:
        vocab_size: Rows a matching embedding table has; every id is smaller.
        pad_id: The id that fills short rows.
        mask_id: The id of the mask token of language models, if there is one.
        unk_id: The id for what the vocabulary lacks, if there is one.
        encodes_text: Whether it can encode a language prefix.
        min_length_bp: A shorter sequence gives no token of its own.
    """

    @property
    def vocab_size(self) -> int: ...  # noqa: D102 - described above

    @property
    def pad_id(self) -> int: ...  # noqa: D102 - described above

    @property
    def mask_id(self) -> int | None: ...  # noqa: D102 - described above

    @property
    def unk_id(self) -> int | None: ...  # noqa: D102 - described above

    @property
    def encodes_text(self) -> bool: ...  # noqa: D102 - described above

    @property
    def min_length_bp(self) -> int: ...  # noqa: D102 - described above

    def encode(self, sequences: Sequence[str]) -> Encoded:
        """Return the ids of each sequence, special tokens, prefix and suffix included.

        Letters are taken as they are (no upper-casing) and nothing is ever cut.
        """
        ...

    def longest_prefix(self, sequence: str, max_tokens: int) -> int:
        """Return how many leading bases of `sequence` fit in `max_tokens`.

        Special tokens, prefix and suffix count, too. -1 if not even the empty sequence fits.
        """
        ...

    def fingerprint(self) -> str:
        """Return a sha256 over all that changes ids: vocabulary, options, code version."""
        ...


@runtime_checkable
class PairTokenizer(Protocol):
    """A tokenizer that encodes two sequences as one row, beside what every tokenizer offers."""

    def encode_pairs(self, first: Sequence[str], second: Sequence[str]) -> Encoded:
        """Return the ids and token types of each pair, special tokens included.

        Letters are taken as they are and nothing is ever cut.

        Raises:
            ValueError: If the two columns are not equally long, or this tokenizer, of a class
                that can have pairs, has nothing to part them by.
        """
        ...


@runtime_checkable
class SpeciesTokenizer(Protocol):
    """A tokenizer whose rows hold a token for the species, beside what every tokenizer offers.

    Attributes:
        species_ids: The id of each species that has a name; empty if rows all have one species.
    """

    @property
    def species_ids(self) -> Mapping[str, int]: ...  # noqa: D102 - described above

    def with_species(self, encoded: Encoded, species: Sequence[str]) -> Encoded:
        """Return encoded rows, or pairs, with the token of the species of each.

        Args:
            encoded: What this tokenizer made.
            species: A name of `species_ids` for each row.
        """
        ...


def refuse_text(kind: str, prefix: str, suffix: str) -> None:
    """Raise if a tokenizer that knows bases only is asked for a language prefix or suffix.

    Raises:
        ValueError: If `prefix` or `suffix` is not empty.
    """
    for name, text in (("prefix", prefix), ("suffix", suffix)):
        if text:
            raise ValueError(
                f"{name} {text!r} needs a tokenizer that encodes text, and {kind} encodes bases "
                "only; use tokenizer=bpe with model=opt_125m or model=tiny_opt (method lingo "
                "needs one), or set method.prefix='' and method.suffix=''"
            )


def fingerprint(kind: str, vocabulary: str, **options: str | int | None) -> str:
    """Return the sha256, in hex, of a tokenizer's kind, vocabulary and options.

    Args:
        kind: Name of the class.
        vocabulary: All tokens in the order of their ids, or a whole tokenizer.json.
        options: Everything else that changes ids.
    """
    head = {"kind": kind, "format": FORMAT_VERSION, "options": options}
    digest = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    digest.update(b"\0")
    digest.update(vocabulary.encode())
    return digest.hexdigest()
