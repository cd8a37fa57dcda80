"""One job of a command: what Hydra composed, in plain values."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from dnaft.config import register_resolvers
from dnaft.dashboard.unfinished import abandon
from dnaft.same_run import note_config
from dnaft.settings import check_choices

# What a command does: configuration in plain values, run folder, the choice in each group.
Job = Callable[[dict[str, Any], Path, dict[str, str]], object]


def plain_config(config: DictConfig) -> dict[str, Any]:
    """Return the configuration in plain values, without Hydra's own part.

    Raises:
        OmegaConfBaseException: If a value is missing or an interpolation leads nowhere.
    """
    register_resolvers()  # a process that a launcher has started has none yet
    own = config.copy()
    with open_dict(own):
        own.pop("hydra", None)
    plain: Any = OmegaConf.to_container(own, resolve=True, throw_on_missing=True)
    values: dict[str, Any] = plain
    return values


def do_job(job: Job, config: DictConfig) -> None:
    """Carry out a job in the folder that Hydra knows."""
    settings = HydraConfig.get()
    choices = {group: str(choice) for group, choice in settings.runtime.choices.items()}
    check_choices(choices)
    plain = plain_config(config)
    folder = Path(settings.runtime.output_dir)
    note_config(folder, plain)
    try:
        job(plain, folder, choices)
    finally:
        abandon()
