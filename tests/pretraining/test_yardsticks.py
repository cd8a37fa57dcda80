"""What targets ask for, by pencil, and yardsticks against counts and products made elsewhere."""

from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dnaft.pretraining.bpe_pairs import BpePairs
from dnaft.pretraining.dna_tokens import dna_tokens
from dnaft.pretraining.examples import GenomeExamples, Rows, pad
from dnaft.pretraining.genome import Genome, Split
from dnaft.pretraining.held_out import HeldOut, Score
from dnaft.pretraining.markov import MarkovChain
from dnaft.pretraining.objectives import MaskedTokens, NextToken, Objective, TokenBatch
from dnaft.pretraining.targets import RowTargets, targets_by_row
from dnaft.pretraining.token_chain import TokenChain
from dnaft.pretraining.vocabulary import learn_dna, pieces
from dnaft.pretraining.windows import WindowSampler
from dnaft.pretraining.yardsticks import beats_all, count_tokens, measure_yardsticks
from dnaft.tokenizers.base import Tokenizer
from dnaft.tokenizers.bpe import BpeTokenizer
from dnaft.tokenizers.character import CharacterTokenizer
from dnaft.tokenizers.kmer import KmerTokenizer
from dnaft.tokenizers.nonoverlapping import NonOverlappingTokenizer


def targets_of(tokenizer: Tokenizer, text: str, places: list[int], causal: bool) -> RowTargets:
    """Ask for the tokens at these places of one row, counted with the special tokens."""
    dna = dna_tokens(tokenizer)
    encoded = tokenizer.encode([text])
    ids = pad(list(encoded), tokenizer.pad_id)
    rows = Rows(ids, encoded.lengths(), dna.is_dna[ids])
    at = torch.tensor(places) - 1 if causal else torch.tensor(places)
    batch = TokenBatch(torch.from_numpy(ids), None, at, torch.from_numpy(ids[0, places]), 0)
    (found,) = targets_by_row(rows, batch, dna, causal)
    assert "".join("ACGT"[code] for code in found.codes) == text
    return found


@pytest.mark.parametrize(
    ("tokenizer", "text", "places", "hidden", "begins", "asked"),
    [
        # [CLS] A C G T: asking for C and T.
        (CharacterTokenizer(), "ACGT", [2, 4], [1, 3], [1, 3], [1, 1]),
        # [CLS] ACG CGT GTA TAC ACC: three hidden 3-mers hide the one base that all of them hold.
        (KmerTokenizer(3), "ACGTACC", [2, 3, 4], [3], [3, 3, 3], [1, 1, 1]),
        # Four hide two: the first holds one of them, the next two both.
        (KmerTokenizer(3), "ACGTACCA", [2, 3, 4, 5], [3, 4], [3, 3, 3, 4], [1, 2, 2, 1]),
        # At the end nothing else shows the last bases.
        (KmerTokenizer(3), "ACGTAC", [3, 4], [4, 5], [4, 4], [1, 2]),
        # 6-mers side by side, then single bases.
        (NonOverlappingTokenizer("v2"), "ACGTACGTACGTAC", [2, 4], [6, 7, 8, 9, 10, 11, 13],
         [6, 13], [6, 1]),
    ],
)  # fmt: skip
def test_hidden_bases_by_pencil(
    tokenizer: Tokenizer,
    text: str,
    places: list[int],
    hidden: list[int],
    begins: list[int],
    asked: list[int],
) -> None:
    found = targets_of(tokenizer, text, places, causal=False)
    assert np.flatnonzero(found.hidden).tolist() == hidden
    assert found.begins.tolist() == begins
    assert found.asked.tolist() == asked


def test_next_tokens_ask_for_what_earlier_ones_did_not_spell() -> None:
    # [CLS] ACG CGT GTA: three bases, then one each.
    found = targets_of(KmerTokenizer(3), "ACGTA", [1, 2, 3], causal=True)
    assert (found.begins.tolist(), found.asked.tolist()) == ([0, 3, 4], [3, 1, 1])
    bpe = BpeTokenizer("package:bpe_yeast")
    text = "ACGATTTACCGATAGGCTTACGAAATC"
    lengths = [len(bpe.vocabulary()[i]) for i in bpe.encode([text])[0][1:-1]]
    found = targets_of(bpe, text, list(range(1, len(lengths) + 1)), causal=True)
    assert found.asked.tolist() == lengths
    assert found.begins.tolist() == (np.cumsum(lengths) - lengths).tolist()


CASES: dict[str, tuple[Tokenizer, Objective]] = {
    "character": (CharacterTokenizer(), MaskedTokens()),
    "character few": (CharacterTokenizer(), MaskedTokens(fraction=0.03)),
    "character spans": (CharacterTokenizer(), MaskedTokens(mean_span=3.0)),
    "kmer": (KmerTokenizer(4), MaskedTokens()),
    "causal character": (CharacterTokenizer(), NextToken()),
    "causal bpe": (BpeTokenizer("package:bpe_yeast"), NextToken()),
}
WINDOW_BP, WINDOWS = 80, 30


def parts_of(genome: Genome, case: str | tuple[Tokenizer, Objective]) -> dict[str, Any]:
    tokenizer, objective = CASES[case] if isinstance(case, str) else case
    dna = dna_tokens(tokenizer)

    def examples(split: Split) -> GenomeExamples:
        return GenomeExamples(WindowSampler(genome, split, WINDOW_BP, 0), tokenizer, dna, 128)

    causal = objective.head == "causal"
    scoring = objective.questions(tokenizer, dna, True)
    return {
        "genome": genome,
        "training": examples("train"),
        "held_out": HeldOut(examples("dev"), scoring, dna, causal, rows=8),
        "dna": dna,
        "pairs": None,
        "windows": WINDOWS,
    }


@pytest.mark.parametrize("name", CASES)
def test_uniform_and_composition(small_genome: Genome, name: str) -> None:
    parts = parts_of(small_genome, name)
    found = measure_yardsticks(**parts)
    vocabulary = len(parts["dna"].ids)
    assert found["uniform"]["nats_per_token"] == pytest.approx(np.log(vocabulary))
    assert found["uniform"]["accuracy"] == pytest.approx(1 / vocabulary)
    assert found["uniform"]["perplexity"] == pytest.approx(vocabulary)
    # Counted again, token by token.
    counts: Counter[int] = Counter()
    rows = parts["training"].rows(range(4000))
    counts.update(rows.ids[rows.is_dna].tolist())
    total = sum(counts.values()) + 0.5 * vocabulary
    targets = torch.cat([batch.targets for _, batch in parts["held_out"].batches(WINDOWS)])
    nats = [-np.log((counts[int(t)] + 0.5) / total) for t in targets]
    assert found["composition"]["nats_per_token"] == pytest.approx(np.mean(nats))
    assert count_tokens(parts["training"], parts["dna"]).sum() == pytest.approx(1)


def test_the_chain_of_masked_bases_is_its_posterior(small_genome: Genome) -> None:
    """Against all fillings of a window, each with the product of its next-base probabilities."""
    parts = parts_of(small_genome, "character few")
    chain = MarkovChain.count(small_genome.codes("train"), 5)
    nats, hits = [], []
    for rows, batch in parts["held_out"].batches(WINDOWS):
        for row in targets_by_row(rows, batch, parts["dna"], False):
            places = np.flatnonzero(row.hidden)
            fillings = np.array(list(product(range(4), repeat=len(places))))
            filled = np.repeat(row.codes[None], len(fillings), axis=0)
            filled[:, places] = fillings
            weights = np.exp(-chain.next_base_nats(filled).sum(axis=1))
            for i, place in enumerate(places):
                of_base = np.bincount(fillings[:, i], weights) / weights.sum()
                nats.append(-np.log(of_base[row.codes[place]]))
                hits.append(of_base.argmax() == row.codes[place])
    found = measure_yardsticks(**parts)["markov5"]
    assert found["nats_per_token"] == pytest.approx(np.mean(nats), abs=1e-12)
    assert found["nats_per_base"] == pytest.approx(np.mean(nats), abs=1e-12)
    assert found["accuracy"] == pytest.approx(np.mean(hits))
    assert found["nats_per_base"] < np.log(4)


@pytest.mark.parametrize("name", ["causal character", "causal bpe"])
def test_the_chain_of_next_tokens_is_the_product_over_bases(
    small_genome: Genome, name: str
) -> None:
    parts = parts_of(small_genome, name)
    found = measure_yardsticks(**parts)
    chain = MarkovChain.count(small_genome.codes("train"), 5)
    texts = parts["held_out"].examples.sequences(range(WINDOWS))
    bases = np.array([["ACGT".index(b) for b in text] for text in texts], dtype=np.uint8)
    nats = chain.next_base_nats(bases)
    assert found["markov5"]["nats_per_base"] == pytest.approx(nats.mean())
    assert found["markov5_next_base"]["nats_per_base"] == pytest.approx(nats.mean())
    tokens = sum(len(b.targets) for _, b in parts["held_out"].batches(WINDOWS))
    assert found["markov5"]["nats_per_token"] == pytest.approx(nats.sum() / tokens)


def test_k_mers_need_no_more_nats_than_the_bases_they_hide(small_genome: Genome) -> None:
    """A span of k k-mers hides one base; all k targets then have that base's probability."""
    found = measure_yardsticks(**parts_of(small_genome, "kmer"))
    assert found["markov5"]["nats_per_base"] < np.log(4) < found["composition"]["nats_per_base"]
    assert found["markov5"]["accuracy"] > found["composition"]["accuracy"]


def test_hidden_tokens_of_a_byte_pair_encoding(small_genome: Genome, tmp_path: Path) -> None:
    """The chain of bases, lifted to tokens, at the targets that were drawn."""
    (tmp_path / "bpe.json").write_text(learn_dna(pieces(small_genome), 60).to_str())
    tokenizer = BpeTokenizer(str(tmp_path / "bpe.json"))
    parts = parts_of(small_genome, (tokenizer, MaskedTokens()))
    pairs = BpePairs.read(tokenizer.to_json(), parts["dna"])
    found = measure_yardsticks(**parts | {"pairs": pairs})["markov5"]

    chain = MarkovChain.count(small_genome.codes("train"), 5)
    letters = [np.array(["ACGT".index(b) for b in w]) for w in parts["dna"].words]
    lifted = TokenChain(chain, letters, pairs.table())
    nats, bases = [], 0
    for rows, batch in parts["held_out"].batches(WINDOWS):
        for row in range(len(rows.ids)):
            ids = rows.ids[row, 1 : rows.lengths[row] - 1]
            words = [parts["dna"].words.index(tokenizer.vocabulary()[i]) for i in ids]
            hidden = (batch.input_ids[row, 1 : len(ids) + 1] == tokenizer.mask_id).numpy()
            (posterior,) = lifted.posteriors([(np.array(words), hidden)])
            for at, place in enumerate(np.flatnonzero(hidden)):
                nats.append(-np.log(posterior[at, words[place]]))
                bases += len(parts["dna"].words[words[place]])
    assert found["nats_per_token"] == pytest.approx(np.mean(nats))
    assert found["nats_per_base"] == pytest.approx(np.sum(nats) / bases)


def test_who_beats_whom() -> None:
    goals = {name: {"nats_per_base": 1.3} for name in ("uniform", "composition", "markov5")}
    assert beats_all(Score(1.0, 1.0, 0.5, 1.29), goals)
    assert not beats_all(Score(1.0, 1.0, 0.5, 1.3), goals)
    goals["markov5"]["nats_per_base"] = 1.28
    assert not beats_all(Score(1.0, 1.0, 0.5, 1.29), goals)


def test_scores_by_pencil() -> None:
    nats, hits = np.log([2.0, 8.0]), np.array([1.0, 0.0])
    score = Score.of(nats, hits, bases=4)
    assert score.as_dict() == pytest.approx(
        {
            "nats_per_token": np.log(4),
            "perplexity": 4.0,
            "accuracy": 0.5,
            "nats_per_base": np.log(2),
        }
    )
