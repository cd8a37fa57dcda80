"""Work in turns: one at a time, answers for all, failures and interrupts."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import pytest
import torch

from dnaft.together.process_state import ProcessState
from dnaft.together.turns import Worker, take_turns


def summed(requests: Mapping[int, Any]) -> Mapping[int, Any]:
    return dict.fromkeys(requests, sum(requests.values()))


def test_all_that_are_left_are_answered_together() -> None:
    heard: dict[int, list[int]] = {0: [], 1: [], 2: []}
    running = 0

    def work(number: int) -> Any:
        def ask(worker: Worker) -> None:
            nonlocal running
            for _ in range(number + 1):
                running += 1
                assert running == 1
                running -= 1
                heard[number].append(worker.ask(10**number))

        return ask

    ended = list(take_turns([work(n) for n in range(3)], summed, lambda _: nullcontext()))
    assert ended == [(0, None), (1, None), (2, None)]
    assert heard == {0: [111], 1: [111, 110], 2: [111, 110, 100]}


def test_who_is_not_answered_waits_on() -> None:
    order = []

    def work(name: str) -> Any:
        def ask(worker: Worker) -> None:
            order.append(worker.ask(name))

        return ask

    def latest(requests: Mapping[int, Any]) -> Mapping[int, Any]:
        last = max(requests)
        return {last: requests[last]}

    ended = list(take_turns([work("a"), work("b")], latest, lambda _: nullcontext()))
    assert ended == [(1, None), (0, None)]
    assert order == ["b", "a"]


def test_a_failure_is_one_works_own_and_one_of_the_answer_is_everybodys() -> None:
    def fails(worker: Worker) -> None:
        raise KeyError("a bug")

    def asks(worker: Worker) -> None:
        assert worker.ask(2) == 2

    found = dict(take_turns([fails, asks], summed, lambda _: nullcontext()))
    assert isinstance(found[0], KeyError)
    assert found[1] is None

    def refuse(requests: Mapping[int, Any]) -> Mapping[int, Any]:
        raise MemoryError("too many")

    found = dict(take_turns([asks, asks], refuse, lambda _: nullcontext()))
    assert [str(error) for error in found.values()] == ["too many"] * 2


def test_an_interrupt_ends_all_work_where_it_waits() -> None:
    ends = []

    def work(worker: Worker) -> None:
        try:
            worker.ask(1)
        finally:
            ends.append(worker)

    def interrupted(requests: Mapping[int, Any]) -> Mapping[int, Any]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(take_turns([work, work], interrupted, lambda _: nullcontext()))
    assert len(ends) == 2


def draw() -> tuple[float, ...]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_each_work_has_the_random_numbers_it_would_have_alone() -> None:
    def seed(number: int) -> None:
        random.seed(number)
        np.random.seed(number)
        torch.manual_seed(number)

    expected = []
    for number in range(3):
        seed(number)
        expected.append([draw() for _ in range(3)])
    found: list[list[tuple[float, ...]]] = [[], [], []]
    states = [ProcessState() for _ in range(3)]

    @contextmanager
    def around(number: int) -> Iterator[None]:
        with states[number].in_force():
            yield

    def work(number: int) -> Any:
        def asks(worker: Worker) -> None:
            seed(number)
            torch.set_default_dtype(torch.float64 if number == 1 else torch.float32)
            for _ in range(3):
                found[number].append(draw())
                worker.ask(0)
                wide = torch.get_default_dtype() == torch.float64
                assert wide == (number == 1)

        return asks

    seed(7)
    after = draw()
    seed(7)
    list(take_turns([work(n) for n in range(3)], summed, around))
    assert draw() == after
    assert torch.get_default_dtype() == torch.float32
    assert found[0] == expected[0]
    assert found[2] == expected[2]
