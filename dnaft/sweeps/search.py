"""A search for the configuration with the best dev score, by Optuna."""

from collections.abc import Callable
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from dnaft.errors import whole_number
from dnaft.sweeps.executors import library
from dnaft.sweeps.space import check_search, interval_ends, part_overrides
from dnaft.sweeps.task import SweepTask


class OptunaSearch(Sweeper):
    """Proposes runs, and learns from their dev scores which to propose next.

    Nothing of the search is stored: with one seed the same scores lead to the same proposals, and
    finished runs are not done again. So the same command goes on after an interruption, and more
    trials continue a search.

    Args:
        trials: Runs to propose.
        at_once: Runs that are proposed together.
        random_trials: Proposals at the beginning that are drawn at random.
        seed: Of the proposals.
        params: Overrides by key; the command line wins.
    """

    def __init__(
        self,
        trials: int,
        at_once: int,
        random_trials: int,
        seed: int,
        params: dict[str, str] | None,
    ) -> None:
        for name, value, least in (
            ("trials", trials, 1),
            ("at_once", at_once, 1),
            ("random_trials", random_trials, 0),
            ("seed", seed, 0),
        ):
            whole_number(f"hydra.sweeper.{name}", value, least)
        self.trials = trials
        self.at_once = at_once
        self.random_trials = random_trials
        self.seed = seed
        self.params = params or {}

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Take what Hydra knows of the search."""
        if not isinstance(task_function, SweepTask):
            raise TypeError("this sweeper belongs to the command lines of dnaft")
        self.hydra_context = hydra_context
        self.config = config
        self.task = task_function
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Search."""
        assert self.hydra_context is not None
        optuna = library("optuna")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        fixed, varied = part_overrides(self.hydra_context.config_loader, self.params, arguments)
        check_search(varied)
        space = {key: _suggest(key, override) for key, override in varied.items()}
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=self.random_trials, constant_liar=self.at_once > 1, seed=self.seed
        )
        study = optuna.create_study(direction="maximize", sampler=sampler)
        self.task.sweep.planned = self.trials
        self.task.swept = tuple(space)
        done = 0
        while done < self.trials:
            batch = [study.ask() for _ in range(min(self.at_once, self.trials - done))]
            proposed = [
                [*fixed, *(f"{key}={suggest(trial)}" for key, suggest in space.items())]
                for trial in batch
            ]
            for trial, returned in zip(batch, self.launcher.launch(proposed, done), strict=True):
                if returned.return_value is None:
                    study.tell(trial, state=optuna.trial.TrialState.FAIL)
                else:
                    study.tell(trial, returned.return_value)
            done += len(batch)


def _suggest(key: str, override: Override) -> Callable[[Any], str]:
    """Return what draws a value of a key for a trial, as it is typed."""
    value = override.value()
    if isinstance(value, IntervalSweep):
        low, high, log = interval_ends(override, value)
        if isinstance(low, int) and isinstance(high, int):
            return lambda trial: str(trial.suggest_int(key, low, high, log=log))
        return lambda trial: f"{trial.suggest_float(key, float(low), float(high), log=log):.6g}"
    values = list(override.sweep_string_iterator())
    if isinstance(value, RangeSweep):
        return lambda trial: values[trial.suggest_int(key, 0, len(values) - 1)]
    return lambda trial: str(trial.suggest_categorical(key, values))
