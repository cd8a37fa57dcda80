"""A sweep: what is finished is left alone, what is not is continued, failures come at the end."""

import functools
import time
from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, filter_overrides, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from dnaft.job import plain_config
from dnaft.sweeps.claim import find_finished, is_held
from dnaft.sweeps.compose import Composer, compose_all
from dnaft.sweeps.dry_run import is_wanted, plan_runs
from dnaft.sweeps.executors import Execute
from dnaft.sweeps.name import sweep_name
from dnaft.sweeps.progress import Progress, wants_table
from dnaft.sweeps.run_output import kept_streams
from dnaft.sweeps.summary import Entry, score
from dnaft.sweeps.task import SweepTask
from dnaft.sweeps.work import Work, identity, same

_POLL_SECONDS = 2.0


class SweepLauncher(Launcher):
    """Does each run of a sweep once.

    Args:
        execute: Carries out runs, somewhere.
    """

    def __init__(self, execute: Execute) -> None:
        self.execute = execute

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Take what Hydra knows of the sweep."""
        if not isinstance(task_function, SweepTask):
            raise TypeError("this launcher belongs to the command lines of dnaft")
        self.context = hydra_context
        self.task = task_function
        self.config = config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Do the runs that are not done yet; tell of all of them.

        Returns:
            For each run its dev score, None if there is none.
        """
        setup_globals()
        summary = self.task.sweep
        labels = _labels([filter_overrides(o) for o in job_overrides], self.task.swept)
        composers = [
            functools.partial(self._compose, o, initial_job_idx + i)
            for i, o in enumerate(job_overrides)
        ]
        with kept_streams() as stream:
            wanted = bool(self.config.get("progress", True))
            progress = Progress(summary, stream, wants_table(stream, wanted))
            first = not summary.entries
            if first:
                progress.composing(len(labels))
            if is_wanted(self.config.get("dry_run", False)):
                plan_runs(labels, composers, self.task.rehearse, self.task.plan)
                return [_returned(None) for _ in labels]
            work = compose_all(labels, composers, whole=not self.task.swept)
            same_as = _first_alike(work)
            entries = {i: Entry(labels[i], work[i].base) for i in sorted(set(same_as))}
            summary.add(entries.values(), left_out=len(labels) - len(entries))
            kept = [work[i] for i in entries]
            _look(range(len(kept)), kept, list(entries.values()))
            if first:
                progress.begin()
            for i, other in enumerate(same_as):
                if i != other:
                    progress.left_out(labels[i], labels[other])
            with progress.shown():
                self._do(kept, list(entries.values()), progress)
        return [_returned(score(entries[i])) for i in same_as]

    @functools.cached_property
    def _composer(self) -> Composer:
        return Composer(self.context.config_loader, self.config)

    @functools.cached_property
    def _group(self) -> str:
        """What a dashboard calls the runs of this sweep together."""
        return sweep_name(self.config)

    def _compose(self, overrides: Sequence[str], number: int) -> Work:
        config = self._composer.compose(overrides)
        with open_dict(config):
            config.hydra.job.id = str(number)
            config.hydra.job.num = number
            if OmegaConf.select(config, "logger.group", default="") is None:
                config.logger.group = self._group
        hydra_config = HydraConfig.instance()
        before = hydra_config.cfg
        hydra_config.set_config(config)  # the name of the folder asks it for choices
        try:
            runs = Path(str(config.output_dir)).expanduser()
            base = (runs / str(config.hydra.sweep.subdir)).absolute()
            plain = plain_config(config)
        finally:
            hydra_config.cfg = before
        return Work(self.task.job, config, plain, self.context, base)

    def _do(self, work: list[Work], entries: list[Entry], progress: Progress) -> None:
        folder = Path(str(self.config.hydra.sweep.dir))
        waiting = [i for i, entry in enumerate(entries) if entry.folder is None]
        while waiting:
            ready = [i for i in waiting if not is_held(work[i].base, same(work[i]))]
            if not ready:
                time.sleep(_POLL_SECONDS)
            for position, outcome in self.execute([work[i] for i in ready], folder):
                i = ready[position]
                entries[i].outcome = outcome
                _look([i], work, entries)
                if outcome.status == "elsewhere":
                    entries[i].outcome = None
                else:
                    progress.ended(entries[i])
            _look(waiting, work, entries)
            waiting = [i for i in waiting if entries[i].folder is None and not entries[i].outcome]


def _first_alike(work: Sequence[Work]) -> list[int]:
    """Return for each run the position of the first one that is the same."""
    first: dict[str, int] = {}
    return [first.setdefault(identity(run), i) for i, run in enumerate(work)]


def _look(positions: Sequence[int], work: list[Work], entries: list[Entry]) -> None:
    """Note which of the runs have a result."""
    for i in positions:
        if entries[i].folder is None:
            found = find_finished(work[i].base, same(work[i]))
            if found is not None:
                entries[i].finish(found)


def _returned(value: float | None) -> JobReturn:
    """Return what a sweeper is told: failures are no exceptions, they are told at the end."""
    returned = JobReturn(status=JobStatus.COMPLETED)
    returned.return_value = value
    return returned


def _labels(overrides: list[Sequence[str]], swept: Sequence[str]) -> list[str]:
    """Return of each run what tells it from the others."""
    if swept:
        return [" ".join(o for o in run if o.partition("=")[0] in swept) for run in overrides]
    common = set(overrides[0]).intersection(*overrides) if len(overrides) > 1 else set()
    names = ["the run"] if len(overrides) == 1 else [f"run {n + 1}" for n in range(len(overrides))]
    return [
        " ".join(o for o in run if o not in common) or name
        for run, name in zip(overrides, names, strict=True)
    ]
