"""A sweep that is not done: it finds out what its runs would take."""

from collections.abc import Callable, Sequence

from omegaconf.errors import OmegaConfBaseException

from dnaft.errors import InputError
from dnaft.explain import explain
from dnaft.settings import DRY_RUN, check_choices, read_dry_run
from dnaft.sweeps.claim import find_finished
from dnaft.sweeps.plan import Cost, Plan, PlannedRun, Rehearse, names_of
from dnaft.sweeps.work import Work, identity, same


def is_wanted(value: object) -> bool:
    """Return whether `dry_run` asks for one.

    Raises:
        InputError: If it is no value of `dry_run`: here, before a run is composed or begun.
    """
    return read_dry_run(value) in DRY_RUN[1:]


def plan_runs(
    labels: Sequence[str],
    composers: Sequence[Callable[[], Work]],
    rehearse: Rehearse | None,
    plan: Plan,
) -> None:
    """Add what each run would take to a plan.

    Args:
        labels: What tells the runs from each other.
        composers: Compose the runs.
        rehearse: Tries out a run.
        plan: Of the whole sweep.

    Raises:
        InputError: If the command has no runs to try out.
    """
    if rehearse is None:
        raise InputError("dry_run: is for python -m dnaft.train; leave it out")
    first: dict[str, str] = {}
    plan.runs += [_plan(*run, rehearse, first) for run in zip(labels, composers, strict=True)]


def _plan(
    label: str, compose: Callable[[], Work], rehearse: Rehearse, first: dict[str, str]
) -> PlannedRun:
    """Plan a run; `first` notes the first run of each configuration."""
    names = ("?", "?", "?", "?")
    try:
        work = compose()
        choices = {g: str(c) for g, c in work.config.hydra.runtime.choices.items()}
        check_choices(choices)
        names = names_of(work.plain, choices)
        other = first.setdefault(identity(work), label)
        if other != label:
            return PlannedRun(label, names, None, same_as=other)
        if find_finished(work.base, same(work)) is not None:
            return PlannedRun(label, names, None)
        cost = rehearse(work.plain)
    except (InputError, OmegaConfBaseException) as error:
        cost = Cost(missing=(explain(error),))
    return PlannedRun(label, names, cost)
