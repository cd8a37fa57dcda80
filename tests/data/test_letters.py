"""Soft masks, IUPAC codes and RNA: what is read, what is refused, what is counted."""

import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnaft.data.leaks import count_leaks, count_split
from dnaft.data.letters import AMBIGUOUS, LOWER_CASE, URACIL, LetterRules, clean
from dnaft.data.table import RawRows, RowRules, SequenceTable, build_table
from dnaft.errors import InputError

# By the nomenclature of 1985, as Biopython has it.
CODES = {"R": "AG", "Y": "CT", "S": "GC", "W": "AT", "K": "GT", "M": "AC"}
CODES |= {"B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT"}


def cleaned(text: str, **rules: object) -> str:
    found = np.zeros(1, dtype=np.uint8)
    return clean([text], LetterRules(**rules), found, str, "sequence")[0]  # type: ignore[arg-type]


def table_of(sequences: list[str], **rules: object) -> SequenceTable:
    numbers = list(range(1, len(sequences) + 1))
    raw = RawRows(sequences, [["0"] * len(sequences)], numbers, "line", "a.csv", "")
    return build_table(raw, RowRules("mine", "binary", 1, **rules))  # type: ignore[arg-type]


def test_codes_are_those_of_biopython() -> None:
    data = pytest.importorskip("Bio.Data.IUPACData")
    expected = data.ambiguous_dna_values
    assert all(set(expected[code]) == set(bases) for code, bases in CODES.items())


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({}, "ACGTNAC"),
        ({"case": "mask"}, "ACNNNNC"),
        ({"case": "keep"}, "ACgtnaC"),
    ],
)
def test_soft_masks(rules: dict[str, object], expected: str) -> None:
    assert cleaned("ACgtnaC", **rules) == expected


@pytest.mark.parametrize(
    ("text", "rules", "expected"),
    [
        ("ACRYT", {"ambiguity": "N"}, "ACNNT"),
        ("ACryT", {"ambiguity": "N"}, "ACNNT"),
        ("ACryT", {"ambiguity": "N", "case": "keep"}, "ACnnT"),
        ("acguU", {"uracil": "T"}, "ACGTT"),
        ("acguU", {"uracil": "T", "case": "keep"}, "acgtT"),
        ("ACrgT", {"case": "mask"}, "ACNNT"),
        ("ACRT", {"alphabet": "ACGTNR"}, "ACRT"),
    ],
)
def test_other_letters(text: str, rules: dict[str, object], expected: str) -> None:
    assert cleaned(text, **rules) == expected


@settings(deadline=None)
@given(
    text=st.text(st.sampled_from("ACGTRYSWKMBDHVNacgtryswkmbdhvn"), min_size=1, max_size=40),
    seed=st.integers(0, 2**32),
    alphabet=st.sampled_from(["ACGT", "ACGTN"]),
    case=st.sampled_from(["upper", "keep"]),
)
def test_random_bases_are_among_those_that_a_code_means(
    text: str, seed: int, alphabet: str, case: str
) -> None:
    rules = {"ambiguity": "random", "ambiguity_seed": seed, "alphabet": alphabet, "case": case}
    found = cleaned(text, **rules)
    assert found == cleaned(text, **rules)
    for letter, base in zip(text, found, strict=True):
        code = letter.upper()
        allowed = code if code in alphabet else CODES[code]
        assert base.upper() in allowed
        assert base.isupper() == (letter.isupper() or case == "upper")


def test_random_bases_are_equally_likely_and_depend_on_the_seed() -> None:
    counts = [cleaned("B" * 3000, ambiguity="random", ambiguity_seed=seed) for seed in (1, 2)]
    for text in counts:
        assert {base: text.count(base) for base in "CGT"} == pytest.approx(
            dict.fromkeys("CGT", 1000), abs=100
        )
    assert counts[0] != counts[1]


def test_equal_sequences_stay_equal_wherever_they_stand() -> None:
    rules = {"ambiguity": "random"}
    first, second = table_of(["ACRNY", "GGGTR"], **rules), table_of(["TTTR", "ACRNY"], **rules)
    assert first.sequences[0] == second.sequences[1]
    assert first.ambiguous == 2


@settings(deadline=None)
@given(text=st.text(string.ascii_letters + "é*-. 1", min_size=1, max_size=12))
def test_what_passes_is_of_the_alphabet(text: str) -> None:
    for case in ("upper", "error", "mask", "keep"):
        for ambiguity in ("error", "N", "random"):
            rules = {"case": case, "ambiguity": ambiguity, "uracil": "T"}
            try:
                found = cleaned(text, **rules)
            except InputError as error:
                assert "not in the alphabet ACGTN" in str(error)  # noqa: PT017
                continue
            assert set(found) <= set("ACGTN" + ("acgtn" if case == "keep" else ""))
            assert len(found) == len(text)
            assert set(text.upper()) <= set("ACGTUN" + "".join(CODES))


@pytest.mark.parametrize(
    ("text", "rules", "message"),
    [
        ("ACRT", {}, r"letter 'R' at position 3 .*set task.ambiguity=N or random"),
        ("ACUT", {}, r"letter 'U' at position 3 .*set task.uracil=T to read RNA"),
        ("acuT", {"case": "mask"}, r"letter 'u' at position 3"),
        ("acrT", {"case": "keep"}, r"letter 'r' at position 3 .*task.ambiguity"),
        ("ACgT", {"case": "error"}, r"letter 'g' at position 3 .*task.case=upper"),
        ("ACxT", {"case": "mask"}, r"letter 'x' at position 3 .*clean the file"),
        ("AC*T", {"ambiguity": "N"}, r"letter '\*' at position 3"),
    ],
)
def test_what_is_refused_says_what_would_read_it(
    text: str, rules: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        table_of(["ACGT", text], **rules)


def test_rows_are_counted_split_by_split() -> None:
    table = table_of(["acgt", "ACRT", "ACUT", "aRuT", "ACGT"], ambiguity="N", uracil="T")
    assert table.found is not None
    every = LOWER_CASE | AMBIGUOUS | URACIL
    assert table.found.tolist() == [LOWER_CASE, AMBIGUOUS, URACIL, every, 0]
    part = table.take(np.array([3, 4]))
    counts = count_split(part)
    assert (counts.lower_case, counts.ambiguous, counts.uracil) == (1, 1, 1)


def test_gc_content_is_that_of_the_known_bases() -> None:
    masked = table_of(["GCAAnnnn", "GGGGNNNN", "ccAT"], case="mask")
    assert count_split(masked).gc["0"] == pytest.approx((2 / 4 + 4 / 4 + 0 / 2) / 3, abs=1e-6)


def test_a_soft_mask_makes_no_new_sequence() -> None:
    kept = table_of(["ACgtTT", "ACGTTT", "aacgt", "acgtt"], case="keep")
    counts = count_split(kept)
    assert (counts.duplicates, counts.rc_pairs) == (1, 1)  # AACGT turned is ACGTT
    assert counts.gc["0"] == pytest.approx((2 / 6 + 2 / 6 + 2 / 5 + 2 / 5) / 4, abs=1e-6)
    assert count_leaks({"a": kept, "b": table_of(["acgtTT"], case="keep")})["a/b"]["exact"] == 1


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"case": "mask", "alphabet": "ACGT"}, "case=mask needs N in the alphabet"),
        ({"ambiguity": "N", "alphabet": "ACGT"}, "ambiguity=N needs N in the alphabet"),
        ({"ambiguity": "random", "alphabet": "ACG"}, "ambiguity=random needs ACGT"),
        ({"uracil": "T", "alphabet": "ACG"}, "uracil=T needs T in the alphabet"),
        ({"ambiguity_seed": -1}, "ambiguity_seed must be 0 or more"),
    ],
)
def test_rules_that_do_not_fit_the_alphabet(rules: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LetterRules(**rules)  # type: ignore[arg-type]
