"""Runs of a sweep that are trained together: each is a whole run, in a thread of its own."""

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TextIO

from dnaft.errors import whole_number
from dnaft.run_folder import is_finished
from dnaft.sweeps.groups import group_runs
from dnaft.sweeps.run_output import opened_log, sent_to
from dnaft.sweeps.work import Outcome, Work, failure


def in_groups(work: Sequence[Work], most: int) -> Iterator[tuple[int, Outcome]]:
    """Do the runs in this process, at most so many at a time in one pass over the frozen model.

    Args:
        work: The runs.
        most: 1 does one run after another.

    Raises:
        InputError: If `most` is not a positive number.
    """
    whole_number("hydra.launcher.together", most, 1)
    for group in group_runs([run.plain for run in work], most):
        if len(group) == 1:
            yield group[0], work[group[0]]()
            continue
        for position, outcome in do_together([work[i] for i in group]):
            yield group[position], outcome


def do_together(work: Sequence[Work]) -> Iterator[tuple[int, Outcome]]:
    """Do several runs as one group; a run that fails leaves the others to go on.

    Each run has its own folder, random numbers, data order, optimiser and checkpoints, so an
    interrupted group is continued run by run like any other sweep.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        jobs, logs, folders = [], [], []
        positions = []
        for position, run in enumerate(work):
            try:
                folder = stack.enter_context(run.claimed())
                if folder is None:
                    yield position, Outcome("elsewhere")
                    continue
                log = stack.enter_context(opened_log(folder))
                with sent_to(log):
                    jobs.append(run.prepared(folder))
            except Exception as error:
                yield position, failure(error, time.monotonic() - started)
                continue
            positions.append(position)
            logs.append(log)
            folders.append(folder)
        for number, failed in _take_turns(jobs, logs):
            seconds = time.monotonic() - started
            if failed is not None:
                yield positions[number], failure(failed, seconds)
            else:
                finished = is_finished(folders[number])
                yield positions[number], Outcome("done" if finished else "stopped", seconds)


def _take_turns(
    jobs: Sequence[Callable[[], object]], logs: Sequence[TextIO]
) -> Iterator[tuple[int, Exception | None]]:
    # Imported when there is something to train: a command line answers without torch.
    from dnaft.together.process_state import ProcessState
    from dnaft.together.seat import SEAT, Seat
    from dnaft.together.shared_pass import SharedPass
    from dnaft.together.turns import Worker, take_turns

    shared = SharedPass()
    states = [ProcessState() for _ in jobs]

    def seated(number: int, worker: Worker) -> None:
        SEAT.set(Seat(number, worker, shared))
        jobs[number]()

    @contextmanager
    def around(number: int) -> Iterator[None]:
        with states[number].in_force(), sent_to(logs[number]):
            yield

    work = [functools.partial(seated, number) for number in range(len(jobs))]
    yield from take_turns(work, shared.answer, around)
