"""Portions and loaders: every example once, the same in any number of processes."""

import pytest
import torch

from dnaft.pretraining.dna_tokens import dna_tokens
from dnaft.pretraining.examples import GenomeExamples
from dnaft.pretraining.genome import Genome
from dnaft.pretraining.loader import Batches, BatchLoader
from dnaft.pretraining.objectives import MaskedTokens, TokenBatch
from dnaft.pretraining.plan import Plan, Portions
from dnaft.pretraining.windows import WindowSampler
from dnaft.tokenizers.character import CharacterTokenizer


def test_plan_in_rows() -> None:
    # By pencil: 1,000 / 100 = 10 rows; 10 rows of 100 tokens at 300 a part are 4 parts, and 12
    # rows fill them; 100,000 / (12 * 100) = 83.3 steps.
    assert Plan(7, None, 1000).portions(100) == Portions(7, 10, 1)
    assert Plan(None, 100_000, 1000, 300).portions(100) == Portions(84, 12, 4)
    assert Plan(5, None, 50).portions(100) == Portions(5, 1, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, None, 100), "give the length of the pretraining once"),
        ((5, 500, 100), "give the length of the pretraining once"),
        ((0, None, 100), "steps must be 1 or more"),
        ((5, None, 0), "batch_tokens must be 1 or more"),
        ((5, None, 10, 0), "micro_batch_tokens must be 1 or more"),
    ],
)
def test_plans_are_checked(arguments: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Plan(*arguments)


@pytest.mark.parametrize(("micro_batches", "world"), [(1, 1), (4, 1), (1, 3), (2, 2)])
def test_each_example_is_taken_once_and_in_its_step(micro_batches: int, world: int) -> None:
    portions = Portions(5, 12, micro_batches)
    for step in range(5):
        taken = [
            number
            for part in range(micro_batches)
            for rank in range(world)
            for number in portions.numbers(step * micro_batches + part, rank, world)
        ]
        assert sorted(taken) == list(range(12 * step, 12 * (step + 1)))


def batches_of(genome: Genome, rank: int = 0, world: int = 1) -> Batches:
    tokenizer = CharacterTokenizer()
    dna = dna_tokens(tokenizer)
    examples = GenomeExamples(WindowSampler(genome, "train", 40, 1), tokenizer, dna, 64)
    questions = MaskedTokens().questions(tokenizer, dna, False)
    return Batches(examples, questions, Portions(6, 8, 2), 1, rank, world)


def equal(first: TokenBatch, second: TokenBatch) -> bool:
    return all(
        torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
        for a, b in zip(first, second, strict=True)
    )


def test_workers_make_the_same_batches_in_the_same_order(small_genome: Genome) -> None:
    batches = batches_of(small_genome)
    expected = [batches[i] for i in range(12)]
    with_workers = list(BatchLoader(batches, workers=2))
    assert len(with_workers) == 12
    assert all(map(equal, with_workers, expected))
    assert not equal(expected[0], expected[1])


def test_processes_share_the_rows_of_a_micro_batch(small_genome: Genome) -> None:
    whole = batches_of(small_genome)
    halves = [batches_of(small_genome, rank, 2) for rank in range(2)]
    for i in range(12):
        rows = whole[i].input_ids
        assert torch.equal(halves[0][i].input_ids, rows[0::2])
        assert torch.equal(halves[1][i].input_ids, rows[1::2])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_goes_on_where_it_was(small_genome: Genome, workers: int) -> None:
    first = BatchLoader(batches_of(small_genome), workers)
    iterator = iter(first)
    for _ in range(5):
        next(iterator)
    second = BatchLoader(batches_of(small_genome), workers)
    second.load_state_dict(first.state_dict())
    assert len(second) == 12
    assert all(map(equal, list(second), [batches_of(small_genome)[i] for i in range(5, 12)]))
