from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnaft.sequence import base_numbers, encode_bases, pack_2bit, reverse_complement, unpack_2bit

DNA = st.text("ACGT", max_size=40)
IUPAC = st.text("ACGTRYSWKMBDHVNacgtryswkmbdhvn", max_size=40)


def ascii_codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), dtype=np.uint8)


@pytest.mark.parametrize(
    ("sequence", "other_strand"),  # by pencil
    [("", ""), ("ATG", "CAT"), ("aCGtN", "NaCGt"), ("RYSWKMBDHVN", "NBDHVKMWSRY"), ("r", "y")],
)
def test_reverse_complement_golden(sequence: str, other_strand: str) -> None:
    assert reverse_complement(sequence) == other_strand


def test_reverse_complement_agrees_with_the_meaning_of_the_iupac_codes() -> None:
    meaning = {
        "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
        "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
    }  # fmt: skip
    for code, bases in meaning.items():
        complements = {reverse_complement(base) for base in bases}
        assert set(meaning[reverse_complement(code)]) == complements


@given(IUPAC)
def test_reverse_complement_twice_is_identity(sequence: str) -> None:
    assert reverse_complement(reverse_complement(sequence)) == sequence


@given(IUPAC, IUPAC)
def test_reverse_complement_of_a_join_swaps_the_parts(left: str, right: str) -> None:
    joined = reverse_complement(left + right)
    assert joined == reverse_complement(right) + reverse_complement(left)


@given(IUPAC)
def test_reverse_complement_keeps_case(sequence: str) -> None:
    other = reverse_complement(sequence)
    assert [base.isupper() for base in other] == [base.isupper() for base in sequence[::-1]]


def test_reverse_complement_names_the_wrong_letter() -> None:
    with pytest.raises(ValueError, match="'X' at position 2 is no DNA letter"):
        reverse_complement("ACXU")


def test_encode_bases_golden() -> None:
    codes, offsets = encode_bases(["AC", "", "gN"])
    assert codes.tolist() == [65, 67, 103, 78]
    assert offsets.tolist() == [0, 2, 2, 4]
    assert (codes.dtype, offsets.dtype) == (np.uint8, np.int64)


@given(st.lists(IUPAC, max_size=8))
def test_encode_bases_gives_back_every_row(sequences: list[str]) -> None:
    codes, offsets = encode_bases(sequences)
    rows = [codes[a:b].tobytes().decode() for a, b in pairwise(offsets)]
    assert rows == sequences
    assert offsets[-1] == len(codes)


def test_encode_bases_names_the_row_that_is_not_ascii() -> None:
    with pytest.raises(ValueError, match=r"'Å' in sequence 1 .* is not ASCII"):
        encode_bases(["ACG", "AÅ"])


@pytest.mark.parametrize(
    ("sequence", "packed"),  # by pencil: A 00, C 01, G 10, T 11, first base highest
    [("", []), ("ACGT", [0b00011011]), ("T", [0b11000000]), ("TTTTG", [255, 0b10000000])],
)
def test_pack_2bit_golden(sequence: str, packed: list[int]) -> None:
    assert pack_2bit(ascii_codes(sequence)).tolist() == packed


@given(DNA)
def test_unpacking_undoes_packing(sequence: str) -> None:
    packed = pack_2bit(ascii_codes(sequence))
    assert packed.shape == (-(-len(sequence) // 4),)
    assert unpack_2bit(packed, len(sequence)).tobytes().decode() == sequence


@given(st.integers(0, 9), st.integers(0, 9), st.randoms(use_true_random=False))
def test_packing_a_table_packs_each_row(rows: int, length: int, random) -> None:  # type: ignore[no-untyped-def]
    table = np.array(
        [[ord(random.choice("ACGT")) for _ in range(length)] for _ in range(rows)], np.uint8
    ).reshape(rows, length)
    packed = pack_2bit(table)
    assert packed.shape == (rows, -(-length // 4))
    for row, codes in zip(packed, table, strict=True):
        np.testing.assert_array_equal(row, pack_2bit(codes))
    np.testing.assert_array_equal(unpack_2bit(packed, length), table)


@pytest.mark.parametrize(("sequence", "letter"), [("ACNT", "N"), ("ACgT", "g"), ("AC-T", "-")])
def test_pack_2bit_refuses_what_does_not_fit(sequence: str, letter: str) -> None:
    with pytest.raises(ValueError, match=f"'{letter}' at position 2 does not fit in two bits"):
        pack_2bit(ascii_codes(sequence))


def test_pack_2bit_names_row_and_column() -> None:
    with pytest.raises(ValueError, match=r"'N' at position \(1, 0\)"):
        pack_2bit(ascii_codes("ACNT").reshape(2, 2))


@pytest.mark.parametrize("length", [-1, 4, 9])
def test_unpack_2bit_refuses_a_length_of_another_width(length: int) -> None:
    with pytest.raises(ValueError, match="got 2"):
        unpack_2bit(np.zeros(2, np.uint8), length)


def test_base_numbers() -> None:
    codes, _ = encode_bases(["ACGTN", "tZA"])
    assert base_numbers(codes).tolist() == [0, 1, 2, 3, 4, 4, 4, 0]
