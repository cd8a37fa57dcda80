"""Questions: what is hidden, how, what is asked, and that no k-mer gives its neighbour away."""

import numpy as np
import pytest
from numpy.typing import NDArray

from dnaft.pretraining.dna_tokens import DnaTokens, dna_tokens
from dnaft.pretraining.examples import GenomeExamples, Rows
from dnaft.pretraining.genome import Genome
from dnaft.pretraining.objectives import MaskedTokens, NextToken, TokenBatch
from dnaft.pretraining.windows import WindowSampler
from dnaft.tokenizers.base import Tokenizer
from dnaft.tokenizers.bpe import BpeTokenizer
from dnaft.tokenizers.character import CharacterTokenizer
from dnaft.tokenizers.kmer import KmerTokenizer
from dnaft.tokenizers.nonoverlapping import NonOverlappingTokenizer

TOKENIZERS = {
    "character": CharacterTokenizer(),
    "kmer": KmerTokenizer(k=4),
    "kmer with species": KmerTokenizer(k=3, species_id=70, vocab_size=72),
    "nonoverlapping": NonOverlappingTokenizer("v2"),
    "bpe": BpeTokenizer("package:bpe_yeast"),
}
ROWS = 500


def examples_of(genome: Genome, tokenizer: Tokenizer) -> tuple[GenomeExamples, DnaTokens]:
    dna = dna_tokens(tokenizer)
    sampler = WindowSampler(genome, "train", 150, seed=1)
    return GenomeExamples(sampler, tokenizer, dna, 200), dna


def labels_of(batch: TokenBatch) -> NDArray[np.int64]:
    labels = np.full(batch.input_ids.numel(), -100)
    labels[batch.places.numpy()] = batch.targets.numpy()
    return labels.reshape(batch.input_ids.shape)


def asked(
    genome: Genome, name: str, objective: MaskedTokens | NextToken, scoring: bool = False
) -> tuple[Rows, TokenBatch, DnaTokens]:
    tokenizer = TOKENIZERS[name]
    examples, dna = examples_of(genome, tokenizer)
    rows = examples.rows(range(ROWS))
    return rows, objective.questions(tokenizer, dna, scoring)(rows, 1, range(ROWS)), dna


@pytest.mark.parametrize("name", TOKENIZERS)
def test_rows_are_what_the_tokenizer_gives(small_genome: Genome, name: str) -> None:
    tokenizer = TOKENIZERS[name]
    examples, _ = examples_of(small_genome, tokenizer)
    rows = examples.rows([5, 1])
    for row, number in enumerate([5, 1]):
        sequence = examples.sequences([number])[0]
        expected = tokenizer.encode([sequence])[0]
        assert rows.ids[row, : rows.lengths[row]].tolist() == expected.tolist()
        assert (rows.ids[row, rows.lengths[row] :] == tokenizer.pad_id).all()
        specials = tokenizer.encode([""])[0].tolist()
        tokens = rows.ids[row, rows.is_dna[row]]
        assert set(tokens).isdisjoint(specials)
        assert len(tokens) == len(expected) - len(specials)


@pytest.mark.parametrize("mean_span", [1.0, 2.5])
@pytest.mark.parametrize("name", TOKENIZERS)
def test_masked_tokens(small_genome: Genome, name: str, mean_span: float) -> None:
    rows, batch, dna = asked(small_genome, name, MaskedTokens(mean_span=mean_span))
    labels, ids = labels_of(batch), batch.input_ids.numpy()
    hidden = labels != -100
    # What is asked for is what stood there; all else is untouched.
    assert (labels[hidden] == rows.ids[hidden]).all()
    assert (ids[~hidden] == rows.ids[~hidden]).all()
    assert not (hidden & ~rows.is_dna).any()
    assert hidden.any(axis=1).all()
    share = hidden.sum() / rows.is_dna.sum()
    assert share == pytest.approx(0.15, abs=0.01)

    masked = hidden & (ids == TOKENIZERS[name].mask_id)
    kept = hidden & (ids == rows.ids)
    replaced = hidden & ~masked & ~kept
    assert dna.is_dna[ids[replaced]].all()
    # 80/10/10; of random single bases a quarter falls on what stood there.
    chance = 0.1 / len(dna.ids)
    assert masked.sum() / hidden.sum() == pytest.approx(0.8, abs=0.04)
    assert kept.sum() / hidden.sum() == pytest.approx(0.1 + chance, abs=0.035)
    assert replaced.sum() / hidden.sum() == pytest.approx(0.1 - chance, abs=0.035)
    assert batch.tokens == rows.lengths.sum()
    if batch.attention_mask is None:
        assert (rows.lengths == rows.ids.shape[1]).all()
    else:
        assert (batch.attention_mask.sum(dim=1).numpy() == rows.lengths).all()


@pytest.mark.parametrize("name", ["kmer", "kmer with species"])
@pytest.mark.parametrize("mean_span", [1.0, 3.0])
def test_neighbours_of_a_hidden_k_mer_do_not_give_it_away(
    small_genome: Genome, name: str, mean_span: float
) -> None:
    """Of each token asked for, one base at least is in no token that is right and visible."""
    rows, batch, dna = asked(small_genome, name, MaskedTokens(mean_span=mean_span))
    hidden = labels_of(batch) != -100
    k = dna.width_bp
    assert k is not None
    fates = set()
    for row in range(ROWS):
        where = np.flatnonzero(rows.is_dna[row])
        secret = hidden[row, where]
        shown = np.zeros(len(where) + k - 1, dtype=bool)
        for token in np.flatnonzero(~secret):
            shown[token : token + k] = True
        for token in np.flatnonzero(secret):
            assert not shown[token : token + k].all()
        # A span shares one fate: no hidden k-mer is left in sight beside a masked one.
        ids = batch.input_ids.numpy()[row, where]
        for begin, end in _runs(secret):
            inside = ids[begin:end] == TOKENIZERS[name].mask_id
            if end - begin == k:  # one span, not two that touch
                assert inside.all() or not inside.any()
                fates.add(bool(inside.any()))
    assert fates == {True, False}


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


@pytest.mark.parametrize("name", TOKENIZERS)
def test_scoring_shows_nothing_of_what_it_asks_for(small_genome: Genome, name: str) -> None:
    training = asked(small_genome, name, MaskedTokens())[1]
    _, batch, _ = asked(small_genome, name, MaskedTokens(), scoring=True)
    ids = batch.input_ids.numpy()
    assert (ids.ravel()[batch.places.numpy()] == TOKENIZERS[name].mask_id).all()
    assert batch.places.tolist() == training.places.tolist()


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("objective", [MaskedTokens(), NextToken()])
def test_a_row_does_not_depend_on_its_batch(
    small_genome: Genome, name: str, objective: MaskedTokens | NextToken
) -> None:
    tokenizer = TOKENIZERS[name]
    examples, dna = examples_of(small_genome, tokenizer)
    ask = objective.questions(tokenizer, dna, False)
    together = ask(examples.rows([3, 8, 5]), 1, [3, 8, 5])
    alone = ask(examples.rows([8]), 1, [8])
    width = alone.input_ids.shape[1]
    assert together.input_ids[1, :width].tolist() == alone.input_ids[0].tolist()
    assert labels_of(together)[1, :width].tolist() == labels_of(alone)[0].tolist()


def test_next_tokens(small_genome: Genome) -> None:
    rows, batch, _ = asked(small_genome, "bpe", NextToken())
    labels = labels_of(batch)
    assert (batch.input_ids.numpy() == rows.ids).all()
    for row in range(ROWS):
        length = rows.lengths[row]
        assert labels[row, : length - 1].tolist() == rows.ids[row, 1:length].tolist()
        assert (labels[row, length - 1 :] == -100).all()
    _, scoring, _ = asked(small_genome, "bpe", NextToken(), scoring=True)
    # [SEP] is no base, so it is not scored; [CLS] is followed by one, so its place is.
    assert len(scoring.targets) == rows.is_dna.sum() == len(batch.targets) - ROWS


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"fraction": 0.0}, "fraction must lie between 0 and 1"),
        ({"fraction": 1.0}, "fraction must lie between 0 and 1"),
        ({"mask_share": 1.1}, "mask_share must lie in"),
        ({"mask_share": 0.8, "random_share": 0.3}, "are more than 1 together"),
        ({"mean_span": 0.5}, "mean_span must be 1 or more"),
    ],
)
def test_numbers_are_checked(numbers: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MaskedTokens(**numbers)


def test_a_vocabulary_without_a_mask_cannot_be_masked() -> None:
    tokenizer = BpeTokenizer("package:bbpe_yeast_text")
    with pytest.raises(ValueError, match="has no mask token; take objective=causal"):
        MaskedTokens().questions(tokenizer, dna_tokens(tokenizer), False)
