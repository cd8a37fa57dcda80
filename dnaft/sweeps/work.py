"""One run of a sweep, as any process can do it: what it needs, and what became of it."""

import functools
import json
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from hydra.core.utils import run_job, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from dnaft.errors import InputError
from dnaft.explain import explain
from dnaft.job import Job, do_job
from dnaft.run_folder import has_checkpoint, is_finished
from dnaft.same_run import is_same_run, what_counts
from dnaft.sweeps.claim import IsSame, claimed
from dnaft.sweeps.run_output import output_to

# `stopped`: it ended as it was told to, without a result, such as a pretraining after its hours.
Status = Literal["done", "failed", "stopped", "elsewhere"]


@dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Attributes:
        status: `elsewhere` if another process does it or has just done it.
        seconds: How long it took here.
        message: Why it failed.
        trace: The calls that led to the failure.
        wrong_input: Whether the input is to blame for it.
    """

    status: Status
    seconds: float = 0.0
    message: str = ""
    trace: str = ""
    wrong_input: bool = False


def failure(error: Exception, seconds: float = 0.0) -> Outcome:
    """Return the outcome of a run that ended in an exception."""
    wrong_input = isinstance(error, InputError | OmegaConfBaseException)
    return Outcome(
        "failed",
        seconds,
        message=explain(error) if wrong_input else f"{type(error).__name__}: {error}",
        trace="".join(traceback.format_exception(error)),
        wrong_input=wrong_input,
    )


@dataclass(frozen=True)
class Work:
    """A run of a sweep; pickled, it goes to another process or machine.

    Attributes:
        job: What the command does.
        config: What Hydra composed, its own part included.
        plain: The configuration of the command, in plain values.
        context: Hydra's callbacks.
        base: Folder of the first run of this name.
    """

    job: Job
    config: DictConfig
    plain: dict[str, Any]
    context: HydraContext
    base: Path

    def __call__(self) -> Outcome:
        """Do the run unless another process does; an exception becomes an outcome."""
        started = time.monotonic()
        setup_globals()
        try:
            with self.claimed() as folder:
                if folder is None:
                    return Outcome("elsewhere")
                with output_to(folder):
                    self._run_in(folder)
                seconds = time.monotonic() - started
                return Outcome("done" if is_finished(folder) else "stopped", seconds)
        except Exception as error:
            return failure(error, time.monotonic() - started)

    def claimed(self) -> AbstractContextManager[Path | None]:
        """Hold the folder of the run; None if it is done, or being done elsewhere."""
        return claimed(self.base, same(self))

    def prepared(self, folder: Path) -> Callable[[], object]:
        """Let Hydra write its notes of a run into the folder; return the job that is left."""
        arguments: list[Any] = []
        replace(self, job=lambda *job: arguments.extend(job))._run_in(folder)
        return functools.partial(self.job, *arguments)

    def _run_in(self, folder: Path) -> None:
        config = self.config.copy()
        with read_write(config), read_write(config.hydra), open_dict(config):
            config.hydra.sweep.dir = str(folder.parent)
            config.hydra.sweep.subdir = folder.name
            config.resume = has_checkpoint(folder)
        returned = run_job(
            task_function=functools.partial(do_job, self.job),
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            hydra_context=self.context,
        )
        _ = returned.return_value  # raises what the job raised


def same(run: Work) -> IsSame:
    """Return what tells the folders of a run from others of its name."""
    return functools.partial(is_same_run, config=run.plain)


def identity(run: Work) -> str:
    """Return what two runs share if they are the same, whatever their folders are called."""
    return json.dumps(what_counts(run.plain), sort_keys=True)
