"""Launchers and sweepers of dnaft; Hydra loads plugins from this namespace only."""

import functools
from typing import Any

from dnaft.sweeps import executors, grid, launcher, search, slurm


class Sequential(launcher.SweepLauncher):
    """One run after another, in this process; on request several in one pass."""

    def __init__(self, together: int = 1) -> None:
        super().__init__(functools.partial(executors.in_sequence, together=together))


class Joblib(launcher.SweepLauncher):
    """Several processes of this machine."""

    def __init__(self, n_jobs: int) -> None:
        super().__init__(functools.partial(executors.in_processes, n_jobs=n_jobs))


class Submitit(launcher.SweepLauncher):
    """Jobs of SLURM."""

    def __init__(self, cluster: str | None, requeue: int, parameters: dict[str, Any]) -> None:
        super().__init__(
            functools.partial(
                slurm.on_slurm, cluster=cluster, requeue=requeue, parameters=dict(parameters)
            )
        )


class Ray(launcher.SweepLauncher):
    """Tasks of a Ray cluster."""

    def __init__(self, address: str | None, num_cpus: float, num_gpus: float) -> None:
        super().__init__(
            functools.partial(
                executors.on_ray, address=address, num_cpus=num_cpus, num_gpus=num_gpus
            )
        )


class Grid(grid.Grid):
    """All combinations."""


class Optuna(search.OptunaSearch):
    """A search by dev score."""
