"""What a sweep varies, as it is typed on the command line or noted in its file."""

from collections.abc import Mapping, Sequence

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override

from dnaft.errors import InputError


def part_overrides(
    loader: ConfigLoader, params: Mapping[str, str], typed: Sequence[str]
) -> tuple[list[str], dict[str, Override]]:
    """Return the overrides with one value, as typed, and those with several, by key.

    Args:
        loader: Hydra's.
        params: Overrides by key of the sweep's file; what is typed wins.
        typed: Overrides of the command line.
    """
    parser = OverridesParser.create(config_loader=loader)
    every = [*(f"{key}={value}" for key, value in params.items()), *typed]
    by_key = {o.get_key_element(): o for o in parser.parse_overrides(every)}
    fixed = [
        f"{key}={o.get_value_element_as_str()}" if not o.is_delete() else f"{key}"
        for key, o in by_key.items()
        if not o.is_sweep_override()
    ]
    return fixed, {key: o for key, o in by_key.items() if o.is_sweep_override()}


def check_search(space: Mapping[str, Override]) -> None:
    """Refuse a search over nothing, and one that would find a lucky seed.

    Raises:
        InputError: In both cases.
    """
    if not space:
        raise InputError(
            "hydra/sweeper=optuna: there is nothing to search; give a key several values, for "
            "example 'method.optimizer.lr=tag(log,interval(1e-4,1e-2))' method.rank=4,8,16"
        )
    if "seed" in space:
        raise InputError(
            "seed: a search over seeds finds a lucky one, not a setting; give one seed, and "
            "repeat the best run with others"
        )


def interval_ends(override: Override, interval: IntervalSweep) -> tuple[float, float, bool]:
    """Return the ends of an interval, both whole numbers or not, and whether its scale is log.

    Raises:
        InputError: If they are not in order, or the scale does not reach them.
    """
    low, high, log = interval.start, interval.end, "log" in interval.tags
    if low is None or high is None or low > high or (log and low <= 0):
        raise InputError(
            f"{override.input_line}: an interval needs two ends in order, above 0 with log"
        )
    return low, high, log
