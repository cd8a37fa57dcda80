"""What becomes of letters that are not plain upper-case DNA: soft masks, IUPAC codes, RNA."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dnaft.errors import InputError

Case = Literal["upper", "error", "mask", "keep"]
Ambiguity = Literal["error", "N", "random"]
Uracil = Literal["error", "T"]

LOWER_CASE, AMBIGUOUS, URACIL = 1, 2, 4  # what was found in a row, and changed or kept

# The bases that an IUPAC code stands for (Cornish-Bowden 1985, doi:10.1093/nar/13.9.3021).
IUPAC = {
    "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
    "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip
_LOWER_TO_N = str.maketrans(dict.fromkeys("acgt" + "".join(IUPAC).lower(), "N"))
_U_TO_T = str.maketrans("Uu", "Tt")


@dataclass(frozen=True)
class LetterRules:
    """Which letters a sequence may hold, and what becomes of others.

    Attributes:
        alphabet: Upper-case letters that may stand in a sequence.
        case: Of lower-case (soft-masked) letters: `upper` reads them as upper case; `mask` hides
            them behind N; `keep` leaves them, for tokenizers that tell them apart; `error` refuses
            them.
        ambiguity: Of IUPAC codes outside the alphabet: `N` turns them into N; `random` draws one
            of the bases that they stand for; `error` refuses them.
        ambiguity_seed: Of these draws. They depend on it and the sequence alone, so equal
            sequences stay equal, in all splits and runs.
        uracil: `T` reads U as T; `error` refuses it.

    Raises:
        ValueError: If letters would be turned into others that the alphabet lacks.
    """

    alphabet: str = "ACGTN"
    case: Case = "upper"
    ambiguity: Ambiguity = "error"
    ambiguity_seed: int = 1
    uracil: Uracil = "error"

    def __post_init__(self) -> None:
        """Check that what letters turn into is in the alphabet."""
        needs = {
            "case=mask": "N" if self.case == "mask" else "",
            "ambiguity=N": "N" if self.ambiguity == "N" else "",
            "ambiguity=random": "ACGT" if self.ambiguity == "random" else "",
            "uracil=T": "T" if self.uracil == "T" else "",
        }
        for setting, letters in needs.items():
            if not set(letters) <= set(self.alphabet):
                raise ValueError(
                    f"{setting} needs {letters} in the alphabet, which is {self.alphabet}; add it"
                )
        if self.ambiguity_seed < 0:
            raise ValueError(f"ambiguity_seed must be 0 or more, got {self.ambiguity_seed}")


def clean(
    texts: Sequence[str],
    rules: LetterRules,
    changed: NDArray[np.uint8],
    place: Callable[[int], str],
    what: str,
) -> list[str]:
    """Return sequences of the alphabet's letters.

    Args:
        texts: One text a row.
        rules: What becomes of other letters.
        changed: (rows,), gets LOWER_CASE, AMBIGUOUS and URACIL of rows that had such letters.
        place: Says where a row stands, for messages.
        what: How messages call a text: `sequence` or `second sequence`.

    Raises:
        InputError: If a text is empty or holds a letter that is refused.
    """
    allowed = rules.alphabet + (rules.alphabet.lower() if rules.case == "keep" else "")
    sequences = list(texts)
    if not all(sequences):
        row = sequences.index("")
        raise InputError(f"{place(row)}: the {what} is empty; fill it or remove the row")
    if _only("".join(sequences), rules.alphabet):
        return sequences
    for row, text in enumerate(sequences):
        if not _only(text, rules.alphabet):
            cleaned, found = _clean_one(text, rules)
            sequences[row] = cleaned
            changed[row] |= found
            if not _only(cleaned, allowed):
                raise InputError(_refusal(text, cleaned, allowed, rules, place(row), what))
    return sequences


def _only(text: str, letters: str) -> bool:
    return text.isascii() and not text.encode().translate(None, letters.encode())


def _clean_one(text: str, rules: LetterRules) -> tuple[str, int]:
    """Apply the rules to one text, and say to what; other letters stay as they are."""
    if not text.isascii():
        return text, 0
    found, cleaned = 0, text
    if rules.uracil == "T" and ("U" in text or "u" in text):
        cleaned = cleaned.translate(_U_TO_T)
        found |= URACIL
    if rules.case != "error" and cleaned != cleaned.upper():
        found |= LOWER_CASE
        if rules.case == "upper":
            cleaned = cleaned.upper()
        elif rules.case == "mask":
            cleaned = cleaned.translate(_LOWER_TO_N)
    if rules.ambiguity != "error":
        resolved = _resolve(cleaned, rules)
        if resolved != cleaned:
            cleaned = resolved
            found |= AMBIGUOUS
    return cleaned, found


def _resolve(text: str, rules: LetterRules) -> str:
    """Return a text without the IUPAC codes that the alphabet lacks."""
    codes = [code for code in IUPAC if code not in rules.alphabet]
    places = [i for i, letter in enumerate(text) if letter.upper() in codes]
    if not places:
        return text
    letters = list(text)
    digest = hashlib.sha256(text.upper().encode()).digest()
    random = np.random.default_rng([rules.ambiguity_seed, *digest])
    for i in places:
        if rules.ambiguity == "N":
            base = "N"
        else:
            bases = IUPAC[letters[i].upper()]
            base = bases[random.integers(len(bases))]
        letters[i] = base if letters[i].isupper() else base.lower()
    return "".join(letters)


def _refusal(
    text: str, cleaned: str, allowed: str, rules: LetterRules, place: str, what: str
) -> str:
    at = next(i for i, letter in enumerate(cleaned) if letter not in allowed)
    letter = text[at]
    if letter.upper() in rules.alphabet:
        remedy = "turn it into upper case or set task.case=upper"
    elif letter in "Uu":
        remedy = "set task.uracil=T to read RNA, or clean the file"
    elif letter.upper() in IUPAC:
        remedy = "set task.ambiguity=N or random, add it to task.alphabet, or clean the file"
    else:
        remedy = "clean the file or set task.alphabet"
    return (
        f"{place}: letter {letter!r} at position {at + 1} of the {what} is not in the alphabet "
        f"{rules.alphabet}; {remedy}"
    )
