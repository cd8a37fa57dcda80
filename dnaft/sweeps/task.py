"""What Hydra is given to call: a job, alone or in a sweep, and what became of the runs."""

from dataclasses import dataclass, field

from omegaconf import DictConfig

from dnaft.job import Job, do_job
from dnaft.run_folder import RunFolders
from dnaft.sweeps.plan import Plan, Rehearse
from dnaft.sweeps.summary import Summary


@dataclass
class SweepTask:
    """The task function of a command.

    Attributes:
        job: Carries out one run.
        folders: The folders of single runs.
        failures: Exceptions of single runs.
        sweep: The runs of a sweep; its launcher does them and adds them here.
        swept: The keys that a search varies.
        rehearse: Tries out a run, for a dry run; None if the command has none.
        plan: What a dry run found out.
    """

    job: Job
    folders: RunFolders = field(default_factory=RunFolders)
    failures: list[Exception] = field(default_factory=list)
    sweep: Summary = field(default_factory=Summary)
    swept: tuple[str, ...] = ()
    rehearse: Rehearse | None = None
    plan: Plan = field(default_factory=Plan)

    def __call__(self, config: DictConfig) -> None:
        """Do a single run."""
        # Raised here, an exception would get a line of Hydra's in front; the command line reports
        # it instead.
        try:
            do_job(self.job, config)
        except Exception as error:
            self.failures.append(error)
        finally:
            self.folders.release()
