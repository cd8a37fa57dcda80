"""Where the runs of a sweep are carried out: each of these takes work and yields outcomes."""

import importlib
import itertools
import os
import re
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from typing import Any

from dnaft.errors import InputError, whole_number
from dnaft.sweeps.together import in_groups
from dnaft.sweeps.work import Outcome, Work

# The position of a run among those handed over, and what became of it; in any order.
Outcomes = Iterator[tuple[int, Outcome]]
Execute = Callable[[Sequence[Work], Path], Outcomes]

_LONGEST = 300  # characters of a message


def in_sequence(work: Sequence[Work], folder: Path, *, together: int) -> Outcomes:
    """Do one run after another in this process, or some of them together.

    Args:
        work: The runs.
        folder: Folder of the sweep.
        together: The most runs in one pass over a frozen model, see `group_runs`; 1 for none.
    """
    return in_groups(work, together)


def in_processes(work: Sequence[Work], folder: Path, *, n_jobs: int) -> Outcomes:
    """Do several runs at once in processes of this machine, by joblib's loky.

    If a process dies, for want of memory for example, the runs without an outcome are done one at
    a time, so that the one at fault shows and the others go on.

    Args:
        work: The runs.
        folder: Folder of the sweep.
        n_jobs: Processes; -1: as many as there are cores.
    """
    from joblib import cpu_count
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    if n_jobs != -1:
        whole_number("hydra.launcher.n_jobs, if it is not -1", n_jobs, 1)
    # It replaces processes that have grown, and says so to whoever reads the sweep's table.
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
    processes = min(len(work), cpu_count() if n_jobs == -1 else n_jobs)
    missing = set(range(len(work)))

    def attempt(positions: Iterable[int], processes: int) -> Outcomes:
        pool = get_reusable_executor(max_workers=processes, timeout=60)
        waiting = iter(positions)
        running: dict[Future[Outcome], int] = {}
        try:
            while True:
                # No more than run at once: loky stumbles over others when it is shut down.
                for i in itertools.islice(waiting, processes - len(running)):
                    running[pool.submit(work[i])] = i
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    i = running.pop(future)
                    try:
                        outcome = future.result()
                    except TerminatedWorkerError as error:
                        waiting = iter(())  # the pool takes no more
                        if processes > 1:
                            continue  # whose fault it was shows when each runs alone
                        codes = re.search(r"\{(.+?)\}", str(error))  # in a paragraph of advice
                        outcome = lost(codes[1] if codes else error)
                    yield i, outcome
        finally:
            if running:  # interrupted: what is killed goes on from its last checkpoint
                pool.shutdown(wait=True, kill_workers=True)

    for i, outcome in attempt(sorted(missing), processes):
        missing.discard(i)
        yield i, outcome
    for i in sorted(missing):
        yield from attempt([i], 1)


def on_ray(
    work: Sequence[Work], folder: Path, *, address: str | None, num_cpus: float, num_gpus: float
) -> Outcomes:
    """Do the runs as tasks of a Ray cluster.

    Args:
        work: The runs.
        folder: Folder of the sweep.
        address: Of a running cluster, or `auto`; null: a cluster on this machine for the sweep.
        num_cpus: Of each run.
        num_gpus: Of each run; a fraction shares one.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = library("ray")
    started = not ray.is_initialized()
    if started:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    try:
        remote = ray.remote(_call).options(num_cpus=num_cpus, num_gpus=num_gpus, max_retries=0)
        waiting = {remote.remote(run): i for i, run in enumerate(work)}
        while waiting:
            ready, _ = ray.wait(list(waiting), num_returns=1)
            for reference in ready:
                i = waiting.pop(reference)
                try:
                    outcome = ray.get(reference)
                except ray.exceptions.RayError as error:
                    outcome = lost(error)
                yield i, outcome
    finally:
        if started:
            ray.shutdown()


def _call(run: Work) -> Outcome:
    return run()


def lost(reason: object) -> Outcome:
    """Return the outcome of a run whose process ended without one."""
    text = textwrap.shorten(str(reason), _LONGEST, placeholder=" ...") or type(reason).__name__
    return Outcome(
        "failed", message=f"its process died, for want of memory or time perhaps ({text})"
    )


def library(name: str) -> Any:
    """Import a library that an extra of the same name installs.

    Raises:
        InputError: If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(f"{name} is not installed; pip install 'dnaft[{name}]'") from error
