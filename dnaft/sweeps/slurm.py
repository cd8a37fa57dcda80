"""The runs of a sweep as jobs of SLURM, by submitit."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dnaft.errors import InputError
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
    limits = {f"{kind}_max_num_timeout": requeue for kind in ("slurm", "local")}
    try:
        executor = library("submitit").AutoExecutor(
            folder=folder / ".submitit" / "%j", cluster=cluster, **limits
        )
    except ValueError as error:
        raise InputError(f"hydra.launcher.cluster: {error}; slurm or local") from error
    try:
        executor.update_parameters(**parameters)
    except (NameError, TypeError, ValueError) as error:
        raise InputError(f"hydra.launcher.parameters: {error}") from error
    if cluster == "slurm":
        jobs = executor.map_array(_Job(), work)
    else:
        jobs = [executor.submit(_Job(), run) for run in work]
    waiting = dict(enumerate(jobs))
    try:
        while waiting:
            for i in [i for i, job in waiting.items() if job.done()]:
                job = waiting.pop(i)
                reason = job.exception()
                yield i, job.result() if reason is None else lost(reason)
            if waiting:
                time.sleep(_POLL_SECONDS)
    finally:
        if cluster != "slurm":
            for job in waiting.values():
                job.cancel()
