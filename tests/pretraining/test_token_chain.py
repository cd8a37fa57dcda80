"""Tokens of varying length: which can be neighbours, and what hidden ones are."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from dnaft.pretraining import bpe_pairs
from dnaft.pretraining.bpe_pairs import BpePairs
from dnaft.pretraining.dna_tokens import DnaTokens, dna_tokens
from dnaft.pretraining.genome import Genome
from dnaft.pretraining.markov import MarkovChain
from dnaft.pretraining.token_chain import TokenChain
from dnaft.pretraining.vocabulary import learn_dna, pieces
from dnaft.pretraining.windows import WindowSampler
from dnaft.tokenizers.bpe import BpeTokenizer


@pytest.fixture(scope="module", params=[18, 40])
def small(
    request: pytest.FixtureRequest, small_genome: Genome, tmp_path_factory: pytest.TempPathFactory
) -> tuple[BpeTokenizer, DnaTokens, BpePairs]:
    path = tmp_path_factory.mktemp("bpe") / "tokenizer.json"
    path.write_text(learn_dna(pieces(small_genome), request.param).to_str())
    tokenizer = BpeTokenizer(str(path))
    dna = dna_tokens(tokenizer)
    return tokenizer, dna, BpePairs.read(tokenizer.to_json(), dna)


def are_what_encoding_gives(tokenizer: BpeTokenizer, dna: DnaTokens, tokens: list[int]) -> bool:
    text = "".join(dna.words[token] for token in tokens)
    return tokenizer.encode([text])[0][1:-1].tolist() == dna.ids[tokens].tolist()


def test_neighbours_are_those_that_encoding_leaves_apart(
    small: tuple[BpeTokenizer, DnaTokens, BpePairs],
) -> None:
    tokenizer, dna, pairs = small
    table = pairs.table()
    expected = [
        [are_what_encoding_gives(tokenizer, dna, [a, b]) for b in range(len(dna.words))]
        for a in range(len(dna.words))
    ]
    assert table.tolist() == expected
    assert 0 < table.mean() < 1


def test_neighbours_of_the_packaged_vocabulary(small_genome: Genome) -> None:
    tokenizer = BpeTokenizer("package:bpe_yeast")
    dna = dna_tokens(tokenizer)
    pairs = BpePairs.read(tokenizer.to_json(), dna)
    generator = np.random.default_rng(1)
    first, second = generator.integers(0, len(dna.words), (2, 4000))
    texts = [dna.words[a] + dna.words[b] for a, b in zip(first, second, strict=True)]
    expected = [
        row[1:-1].tolist() == [dna.ids[a], dna.ids[b]]
        for row, a, b in zip(tokenizer.encode(texts), first, second, strict=True)
    ]
    assert pairs.allowed(first, second).tolist() == expected
    # Whole sequences: only neighbours that are allowed.
    number = {int(i): n for n, i in enumerate(dna.ids)}
    sampler = WindowSampler(small_genome, "train", 400, 1)
    for n in range(20):
        text = sampler.read(sampler.draw(n)).tobytes().decode()
        tokens = np.array([number[int(i)] for i in tokenizer.encode([text])[0][1:-1]])
        assert pairs.allowed(tokens[:-1], tokens[1:]).all()


def random_chain(order: int) -> MarkovChain:
    generator = np.random.default_rng(order)
    return MarkovChain(
        order,
        generator.dirichlet(np.ones(4**order)),
        generator.dirichlet(np.full(4, 0.7), size=4**order),
    )


def probability(chain: MarkovChain, text: str) -> float:
    bases = np.array([["ACGT".index(base) for base in text]], dtype=np.uint8)
    return float(np.exp(-chain.next_base_nats(bases).sum()))


def fillings(
    tokenizer: BpeTokenizer,
    dna: DnaTokens,
    chain: MarkovChain,
    tokens: list[int],
    hidden: list[int],
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Yield every choice of hidden tokens that encoding could have given, with its weight."""
    for filling in product(range(len(dna.words)), repeat=len(hidden)):
        filled = list(tokens)
        for place, token in zip(hidden, filling, strict=True):
            filled[place] = token
        if are_what_encoding_gives(tokenizer, dna, filled):
            yield filling, probability(chain, "".join(dna.words[t] for t in filled))


@pytest.mark.parametrize("order", [1, 3, 5])
@pytest.mark.parametrize(
    "hidden",
    [[4], [0], [8], [4, 5], [0, 1], [7, 8], [3, 5]],
    ids=["inside", "first", "last", "neighbours", "both first", "both last", "one between"],
)
def test_posteriors_against_the_sum_over_all_fillings(
    small: tuple[BpeTokenizer, DnaTokens, BpePairs],
    small_genome: Genome,
    order: int,
    hidden: list[int],
) -> None:
    tokenizer, dna, pairs = small
    chain = random_chain(order)
    words = [np.array(["ACGT".index(b) for b in word], dtype=np.uint8) for word in dna.words]
    lifted = TokenChain(chain, words, pairs.table())
    text = small_genome.chromosomes["chrA"][200:260].tobytes().decode()
    number = {int(i): n for n, i in enumerate(dna.ids)}
    # Nine neighbouring tokens of a real row are what encoding their letters gives.
    tokens = [number[int(i)] for i in tokenizer.encode([text])[0][1:-1]][:9]
    assert are_what_encoding_gives(tokenizer, dna, tokens)

    expected = np.zeros((len(hidden), len(words)))
    for filling, weight in fillings(tokenizer, dna, chain, tokens, hidden):
        for i, token in enumerate(filling):
            expected[i, token] += weight
    expected /= expected.sum(axis=1, keepdims=True)

    mask: NDArray[np.bool_] = np.zeros(9, dtype=bool)
    mask[hidden] = True
    other = np.zeros(9, dtype=bool)
    other[2] = True
    found, _ = lifted.posteriors([(np.array(tokens), mask), (np.array(tokens), other)])
    assert found == pytest.approx(expected, abs=1e-12)


def test_only_byte_pair_encodings_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = BpeTokenizer("package:bpe_yeast")
    dna = dna_tokens(tokenizer)
    with pytest.raises(ValueError, match=r"is of type Unigram; .* known for BPE only"):
        BpePairs.read('{"model": {"type": "Unigram"}}', dna)
    with pytest.raises(ValueError, match="no merge of bases makes the token"):
        BpePairs.read('{"model": {"type": "BPE", "merges": []}}', dna)
    monkeypatch.setattr(bpe_pairs, "_MOST_TOKENS", 4090)
    with pytest.raises(ValueError, match="4,091 tokens of bases are more than the 4,090"):
        BpePairs.read(tokenizer.to_json(), dna)
