"""Every combination of what a sweep varies."""

from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.types import IntervalSweep

from dnaft.errors import InputError
from dnaft.sweeps.space import part_overrides


class Grid(BasicSweeper):
    """Hydra's own sweeper, but the runs are composed once: our launchers compose all of them first.

    Args:
        params: Overrides by key; the command line wins.
    """

    def __init__(self, params: dict[str, str] | None) -> None:
        super().__init__(max_batch_size=None, params=params)

    def sweep(self, arguments: list[str]) -> Any:
        """Hand all combinations to the launcher."""
        assert self.hydra_context is not None
        _, varied = part_overrides(self.hydra_context.config_loader, self.params or {}, arguments)
        for override in varied.values():
            if isinstance(override.value(), IntervalSweep):
                raise InputError(
                    f"{override.input_line}: a grid has no intervals; hydra/sweeper=optuna makes "
                    "it a search"
                )
        return super().sweep(arguments)

    def validate_batch_is_legal(self, batch: Any) -> None:
        """Leave it to the launcher."""
