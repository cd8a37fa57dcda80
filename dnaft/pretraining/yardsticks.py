"""What must be beaten: uniform, composition, and an order-5 Markov chain of the same genome."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dnaft.pretraining.annotated import AnnotatedExamples
from dnaft.pretraining.bpe_pairs import BpePairs
from dnaft.pretraining.dna_tokens import DnaTokens
from dnaft.pretraining.examples import Examples, Rows
from dnaft.pretraining.genome import Genome
from dnaft.pretraining.held_out import HeldOut, Score
from dnaft.pretraining.markov import Floats, MarkovChain
from dnaft.pretraining.objectives import TokenBatch
from dnaft.pretraining.posterior import HiddenBases, predict_stretches
from dnaft.pretraining.region_chain import RegionChain
from dnaft.pretraining.targets import RowTargets, targets_by_row
from dnaft.pretraining.token_chain import TokenChain

ORDER = 5
UNIFORM, COMPOSITION, MARKOV = "uniform", "composition", f"markov{ORDER}"
NEXT_BASE, BY_REGION = f"markov{ORDER}_next_base", f"markov{ORDER}_by_region"
SAME_TARGETS = (UNIFORM, COMPOSITION, MARKOV)

_COUNTED = 4000  # training windows that the frequencies of tokens are counted in
_PSEUDO_COUNT = 0.5

Yardsticks = dict[str, dict[str, float]]


def measure_yardsticks(
    genome: Genome,
    training: Examples,
    held_out: HeldOut,
    dna: DnaTokens,
    pairs: BpePairs | None,
    windows: int,
) -> Yardsticks:
    """Score what a model must beat, on the targets that the model is scored on.

    - uniform: all tokens that spell bases alike.
    - composition: each token as often as in the training windows.
    - markov5: the order-5 chain of the training chromosomes, both strands counted. Of masked
      tokens the probability given all visible bases on both sides (`predict_stretches`,
      `TokenChain`); of next tokens the product over their bases, given all bases before.
    - markov5_by_region: of text with annotation, the chain that is told what region each base lies
      in (`RegionChain`); it parts what a model knows of sequence from what names tell it.
    - markov5_next_base: that chain from left to right over all bases of the windows, nats a base.

    Args:
        genome: The genome.
        training: Examples of the training chromosomes.
        held_out: Questions about the dev chromosomes.
        dna: Tokens that spell bases.
        pairs: Which of them can stand side by side, for hidden tokens of varying length.
        windows: How many windows to ask about.

    Returns:
        For each yardstick the numbers of `Score` that it has.
    """
    chain = MarkovChain.count(genome.codes("train"), ORDER)
    frequencies = count_tokens(training, dna)
    number_of = np.full(len(dna.is_dna), -1, dtype=np.int64)
    number_of[dna.ids] = np.arange(len(dna.ids))
    batches = list(held_out.batches(windows))
    rows = [r for b in batches for r in targets_by_row(*b, dna, held_out.causal)]
    bases = sum(int(row.asked.sum()) for row in rows)
    targets = np.concatenate([number_of[batch.targets.numpy()] for _, batch in batches])

    next_base = [chain.next_base_nats(row.codes[None])[0] for row in rows]
    flat = np.full(len(targets), np.log(len(dna.ids)))
    found = {
        UNIFORM: _dict(flat, np.full(len(targets), 1 / len(dna.ids)), bases),
        COMPOSITION: _dict(-np.log(frequencies[targets]), targets == frequencies.argmax(), bases),
    }
    if held_out.causal:
        nats = np.concatenate([_sums(n, row) for n, row in zip(next_base, rows, strict=True)])
        found[MARKOV] = _dict(nats, None, bases)
        if isinstance(held_out.examples, AnnotatedExamples):
            by_region = RegionChain.count(genome, chain)
            labels = (held_out.examples.labels(number) for number in range(windows))
            told = [
                _sums(by_region.next_base_nats(row.codes, of_row[: len(row.codes)]), row)
                for row, of_row in zip(rows, labels, strict=True)
            ]
            found[BY_REGION] = _dict(np.concatenate(told), None, bases)
    elif dna.width_bp is not None:
        hidden = [HiddenBases(r.codes, r.hidden, r.begins, r.asked) for r in rows]
        found[MARKOV] = _dict(*predict_stretches(chain, hidden), bases)
    else:
        assert pairs is not None
        words = [_digits(word) for word in dna.words]
        lifted = TokenChain(chain, words, pairs.table())
        found[MARKOV] = _dict(*_predict_tokens(lifted, batches, number_of), bases)
    found[NEXT_BASE] = {"nats_per_base": float(np.concatenate(next_base).mean())}
    return found


def beats_all(score: Score, yardsticks: Mapping[str, Mapping[str, float]]) -> bool:
    """Whether a model needs fewer nats a base than each yardstick on the same targets."""
    return all(score.nats_per_base < yardsticks[name]["nats_per_base"] for name in SAME_TARGETS)


def count_tokens(training: Examples, dna: DnaTokens) -> Floats:
    """Return how often each token that spells bases occurs in training windows, (tokens,)."""
    counts = np.full(len(dna.is_dna), 0, dtype=np.int64)
    for first in range(0, _COUNTED, 100):
        rows = training.rows(range(first, first + 100))
        counts += np.bincount(rows.ids[rows.is_dna], minlength=len(counts))
    smoothed = counts[dna.ids] + _PSEUDO_COUNT
    frequencies: Floats = smoothed / smoothed.sum()
    return frequencies


def _predict_tokens(
    chain: TokenChain, batches: Sequence[tuple[Rows, TokenBatch]], number_of: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.bool_]]:
    found: list[tuple[NDArray[np.int64], NDArray[np.bool_]]] = []
    for rows, batch in batches:
        hidden = np.zeros(rows.ids.shape, dtype=bool)
        hidden.flat[batch.places.numpy()] = True
        for ids, is_dna, masked in zip(rows.ids, rows.is_dna, hidden, strict=True):
            found.append((number_of[ids[is_dna]], masked[is_dna]))
    nats, hits = [], []
    for (tokens, masked), posterior in zip(found, chain.posteriors(found), strict=True):
        truth = posterior[np.arange(len(posterior)), tokens[masked]]
        nats.append(-np.log(truth))
        hits.append(truth >= posterior.max(axis=1))
    return np.concatenate(nats), np.concatenate(hits)


def _sums(nats: Floats, row: RowTargets) -> Floats:
    """Return the nats of the bases that each target asks for."""
    before = np.concatenate([[0.0], np.cumsum(nats)])
    sums: Floats = before[row.begins + row.asked] - before[row.begins]
    return sums


def _dict(nats: Floats, hits: NDArray[np.generic] | None, bases: int) -> dict[str, float]:
    unknown = hits is None
    score = Score.of(nats, np.zeros(1) if hits is None else hits.astype(np.float64), bases)
    return {k: v for k, v in score.as_dict().items() if not (unknown and k == "accuracy")}


def _digits(word: str) -> NDArray[np.uint8]:
    return np.array(["ACGT".index(base) for base in word], dtype=np.uint8)
