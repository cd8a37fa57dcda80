"""The runs of a sweep as jobs of SLURM, by submitit."""

import shutil
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dnaft.errors import InputError, whole_number
from dnaft.sweeps.executors import Outcomes, library, lost
from dnaft.sweeps.work import Outcome, Work

_POLL_SECONDS = 2.0
# What submitit raises, by a signal's handler in the midst of a run, when the time is up for good.
_TIME_IS_UP = "UncompletedJobError"


class _Job:
    """What a job does. Having `checkpoint` is what lets submitit queue it again."""

    def __call__(self, run: Work) -> Outcome:
        outcome = run()
        if not outcome.message.startswith(_TIME_IS_UP):
            return outcome
        message = (
            "its job reached hydra.launcher.parameters.timeout_min, and hydra.launcher.requeue "
            "as often as it may; the same command continues it"
        )
        return replace(outcome, message=message, trace="")

    def checkpoint(self, run: Work) -> Any:
        """Return what the next job does: the same, which goes on from its last checkpoint."""
        return library("submitit").helpers.DelayedSubmission(self, run)


def on_slurm(
    work: Sequence[Work],
    folder: Path,
    *,
    cluster: str | None,
    requeue: int,
    parameters: dict[str, Any],
) -> Outcomes:
    """Hand the runs to SLURM as a job array, by submitit; wait for them.

    Args:
        work: The runs.
        folder: Folder of the sweep; submitit's files go to `.submitit` in it.
        cluster: `slurm`, or null for it; `local`: processes of this machine, to try it out.
        requeue: How often a job whose time is up is queued again, to go on.
        parameters: What submitit's executor takes, such as timeout_min and gpus_per_node.

    Raises:
        InputError: If there is no SLURM, or submitit refuses the parameters.
    """
    cluster = cluster or "slurm"
    if cluster == "slurm" and shutil.which("sbatch") is None:
        raise InputError(
            "hydra/launcher=submitit: no SLURM here, sbatch is not on the PATH; "
            "hydra.launcher.cluster=local makes processes of this machine"
        )
    whole_number("hydra.launcher.requeue", requeue, 0)
    limit = {f"{cluster}_max_num_timeout": requeue}
    try:
        executor = library("submitit").AutoExecutor(
            folder=folder / ".submitit" / "%j", cluster=cluster, **limit
        )
    except ValueError as error:
        raise InputError(f"hydra.launcher.cluster: {error}; slurm or local") from error
    try:
        executor.update_parameters(**parameters)
    except (AssertionError, NameError, TypeError, ValueError) as error:
        raise InputError(f"hydra.launcher.parameters: {error}") from error
    if cluster != "slurm":
        from joblib import cpu_count

        at_once = min(cpu_count(), parameters.get("slurm_array_parallelism", len(work)))
        yield from _here(executor, work, at_once)
        return
    try:
        jobs = executor.map_array(_Job(), work)
    except RuntimeError as error:  # what sbatch says
        raise InputError(f"SLURM takes no such jobs, hydra.launcher.parameters: {error}") from error
    waiting = dict(enumerate(jobs))
    while waiting:
        yield from _ended(waiting)


def _here(executor: Any, work: Sequence[Work], at_once: int) -> Outcomes:
    """Do the runs in processes of this machine, so many at once."""
    left = deque(enumerate(work))
    waiting: dict[int, Any] = {}
    try:
        while left or waiting:
            while left and len(waiting) < at_once:
                i, run = left.popleft()
                waiting[i] = executor.submit(_Job(), run)
            yield from _ended(waiting)
    finally:
        for job in waiting.values():
            job.cancel()


def _ended(waiting: dict[int, Any]) -> Outcomes:
    """Take out the jobs that ended; wait a little if none did."""
    ended = [i for i, job in waiting.items() if job.done()]
    for i in ended:
        job = waiting.pop(i)
        reason = job.exception()
        yield i, job.result() if reason is None else lost(reason)
    if not ended:
        time.sleep(_POLL_SECONDS)
