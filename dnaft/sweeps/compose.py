"""The configurations of a sweep's runs, composed once each, all of them before the first begins."""

import copy
from collections.abc import Callable, Sequence

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from dnaft.errors import InputError
from dnaft.explain import explain
from dnaft.sweeps.work import Work


class Composer:
    """Composes runs as Hydra does, but reads the yaml files once for all runs of the same choices.

    What is chosen decides which files make a configuration; values are put into it afterwards, so
    runs that differ in values alone, such as seeds, begin with copies of one composition.

    Args:
        loader: Hydra's.
        config: What Hydra composed for the sweep.
    """

    def __init__(self, loader: ConfigLoader, config: DictConfig) -> None:
        self._loader = loader
        self._config = config
        self._parser = OverridesParser.create(config_loader=loader)
        self._groups: dict[str, bool] = {}
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """Return the configuration of a run, Hydra's own part included."""
        parsed = self._parser.parse_overrides(list(overrides))
        values = [o for o in parsed if not self._chooses(o)]
        key = tuple(str(o.input_line) for o in parsed if self._chooses(o))
        if key not in self._composed:
            self._composed[key] = self._loader.load_sweep_config(self._config, list(key))
        config = copy.deepcopy(self._composed[key])
        ConfigLoaderImpl._apply_overrides_to_config(values, config)
        of_run = [o for o in parsed if not o.is_hydra_override()]
        config.hydra.overrides.task = [o.input_line for o in of_run]
        form = config.hydra.job.config.override_dirname
        config.hydra.job.override_dirname = get_overrides_dirname(
            of_run, list(form.exclude_keys), form.item_sep, form.kv_sep
        )
        return config

    def _chooses(self, override: Override) -> bool:
        group = override.key_or_group
        if group not in self._groups:
            options = self._loader.get_group_options(
                group,
                None,
                self._config.hydra.job.config_name,
                list(self._config.hydra.overrides.hydra),
            )
            self._groups[group] = bool(options)
        return self._groups[group] or override.is_hydra_override()


def compose_all(
    labels: Sequence[str], composers: Sequence[Callable[[], Work]], whole: bool
) -> list[Work]:
    """Compose all runs: a mistake in one of them is not to show after the hours of the others.

    Args:
        labels: What tells the runs from each other.
        composers: Compose the runs.
        whole: Whether these are all runs of the sweep.

    Raises:
        InputError: If a run cannot be composed; names all of these.
    """
    work, wrong = [], []
    for label, compose in zip(labels, composers, strict=True):
        try:
            work.append(compose())
        except (InputError, HydraException, OmegaConfBaseException, ValueError) as error:
            wrong.append((label, error))
    if wrong:
        raise InputError(_refusal(wrong, len(labels), whole)) from wrong[0][1]
    return work


def _refusal(wrong: Sequence[tuple[str, Exception]], runs: int, whole: bool) -> str:
    messages = [_message(error) for _, error in wrong]
    if whole and len(wrong) == runs and len(set(messages)) == 1:
        return messages[0]  # what is wrong is common to all
    lines = [f"{label}: {text}" for (label, _), text in zip(wrong, messages, strict=True)]
    if not whole:
        return "\n".join(lines)
    head = (
        f"{len(wrong)} of {runs} runs cannot be composed, so none was begun; correct the command, "
        "or split it: all runs of one take the same keys"
    )
    return "\n  ".join([head, *lines])


def _message(error: Exception) -> str:
    text = explain(error)
    if "Config group override must be" in text:  # Hydra does not say which; the label does
        return "null is no choice; choose a file, for example callbacks=none"
    return text
