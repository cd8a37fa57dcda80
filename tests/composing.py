"""Configurations as the command line composes them, each composed once."""

import functools
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from dnaft.config import config_dir, register_schema


@functools.cache
def composed(*overrides: str, of: str = "train") -> dict[str, Any]:
    """Return the whole configuration of a command; a missing value or interpolation is an error."""
    register_schema()
    with initialize_config_dir(config_dir(), version_base="1.3"):
        config = compose(of, overrides=list(overrides))
    plain: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(plain, dict)
    return plain
