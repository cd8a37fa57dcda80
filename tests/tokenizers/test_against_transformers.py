"""Ids equal those of transformers' own tokenizers, fed with vocabularies made here."""

import csv
import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnaft.tokenizers.kmer import KmerTokenizer
from dnaft.tokenizers.nonoverlapping import NonOverlappingTokenizer

KMERS = {k: ["".join(t) for t in itertools.product("ATCG", repeat=k)] for k in (3, 4, 5, 6)}


@pytest.fixture(scope="module")
def sequences(shared_dir: Path) -> list[str]:
    """Human promoters, yeast promoters and TF sites: equal and unequal lengths, some N."""
    rows: list[str] = []
    for name in ("GUE/prom/prom_300_tata/test.csv", "GUE/tf/0/test.csv"):
        with (shared_dir / "data" / name).open(newline="") as file:
            rows += [row["sequence"] for row in itertools.islice(csv.DictReader(file), 200)]
    with (shared_dir / "data" / "yeast_random_promoter" / "demo.tsv").open() as file:
        lines = [line.split("\t")[0] for line in file]
    return rows + lines[:100] + [line for line in lines if "N" in line]


@pytest.mark.parametrize("k", [3, 4, 5, 6])
def test_overlapping_equals_bert(k: int, sequences: list[str], tmp_path: Path) -> None:
    from transformers import BertTokenizerFast  # type: ignore[attr-defined]

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *KMERS[k]]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    bert = BertTokenizerFast.from_pretrained(tmp_path, do_lower_case=False)
    texts = [" ".join(s[i : i + k] for i in range(len(s) - k + 1)) for s in sequences]
    expected = bert(texts)["input_ids"]
    assert [row.tolist() for row in KmerTokenizer(k=k).encode(sequences)] == expected


@pytest.fixture(scope="module", params=["v1", "v2"])
def pair(request: Any, tmp_path_factory: Any) -> tuple[NonOverlappingTokenizer, Any]:
    from transformers import EsmTokenizer

    first = ["<unk>", "<pad>", "<mask>", "<cls>"]
    kmers, last = [*KMERS[6], *"ATCGN"], ["<eos>", "<bos>"]
    words = first + kmers + last if request.param == "v1" else first + last + kmers
    file = tmp_path_factory.mktemp("esm") / "vocab.txt"
    file.write_text("\n".join(words))
    esm = EsmTokenizer(str(file), eos_token=None)
    return NonOverlappingTokenizer(version=request.param), esm


def test_nonoverlapping_equals_esm(
    pair: tuple[NonOverlappingTokenizer, Any], sequences: list[str]
) -> None:
    ours, esm = pair
    assert [row.tolist() for row in ours.encode(sequences)] == esm(sequences)["input_ids"]


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.text("ACGTACGTACGTACGTNNaR*- \t", max_size=40), min_size=1, max_size=4))
def test_nonoverlapping_equals_esm_on_anything(
    pair: tuple[NonOverlappingTokenizer, Any], rows: list[str]
) -> None:
    ours, esm = pair
    assert [row.tolist() for row in ours.encode(rows)] == esm(rows)["input_ids"]
