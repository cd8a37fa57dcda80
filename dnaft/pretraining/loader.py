"""Batches by number, in order, from any number on."""

from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader, Dataset, Sampler

from dnaft.pretraining.examples import Examples
from dnaft.pretraining.objectives import Questions, TokenBatch
from dnaft.pretraining.plan import Portions


class Batches(Dataset[TokenBatch]):
    """Micro-batch i of a pretraining, made when asked for.

    Args:
        examples: Rows by number.
        questions: What is asked about them.
        portions: Which rows belong to a micro-batch.
        seed: Seed of the questions.
        rank: Number of this process.
        world: Processes that share the work.
    """

    def __init__(
        self,
        examples: Examples,
        questions: Questions,
        portions: Portions,
        seed: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self._examples = examples
        self._questions = questions
        self._portions = portions
        self._seed = seed
        self._rank = rank
        self._world = world

    def __len__(self) -> int:
        return self._portions.steps * self._portions.micro_batches

    def __getitem__(self, batch: int) -> TokenBatch:
        numbers = self._portions.numbers(batch, self._rank, self._world)
        return self._questions(self._examples.rows(numbers), self._seed, numbers)


class _From(Sampler[int]):
    """Counts from `start` to the end."""

    def __init__(self, length: int) -> None:
        self.start = 0
        self._length = length

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self._length))

    def __len__(self) -> int:
        # All, also those before `start`: Lightning compares with the batches of the whole run.
        return self._length


class BatchLoader(DataLoader[TokenBatch]):
    """Hands batches out in order; its place goes into Lightning's checkpoints.

    Args:
        batches: The batches.
        workers: Processes that make batches ahead of time; 0 makes them in this one.
        pin_memory: Whether a GPU will fetch them.
    """

    def __init__(self, batches: Batches, workers: int = 0, pin_memory: bool = False) -> None:
        self._place = _From(len(batches))
        self._given = 0
        super().__init__(
            batches,
            batch_size=None,
            sampler=self._place,
            num_workers=workers,
            pin_memory=pin_memory,
        )

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        """Yield the batches from the restored place on."""
        self._given = self._place.start
        for batch in super().__iter__():
            self._given += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Return how many batches have been handed out."""
        return {"batches": self._given}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on behind them."""
        self._place.start = state["batches"]
