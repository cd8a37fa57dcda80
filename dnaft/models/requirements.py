"""Packages that some models and methods need and dnaft does not."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec

import torch

from dnaft.errors import InputError


@dataclass(frozen=True)
class _Package:
    """What there is to say about an optional package.

    Attributes:
        install: The command that installs it.
        reason: What it is for, and where it runs.
        instead: What does without it.
        needs_cuda: Whether it is of no use without a GPU.
    """

    install: str
    reason: str
    instead: str
    needs_cuda: bool


# By the name that Python imports.
_PACKAGES = {
    "mamba_ssm": _Package(
        "pip install --no-build-isolation 'dnaft[mamba]'",
        "the layers of Mamba models are its CUDA kernels, so it needs Linux and an NVIDIA GPU "
        "with CUDA's compiler (nvcc)",
        "model=hyenadna_small_32k (one token a base, up to 32 kb) and model=dnabert2 run anywhere",
        needs_cuda=True,
    ),
    "bitsandbytes": _Package(
        "pip install 'dnaft[quantised]'",
        "it keeps weights in four bits; made for NVIDIA GPUs with CUDA, slow on others",
        "method=lora needs no such package, and method=linear_probe least memory",
        needs_cuda=False,
    ),
}


def require(packages: Iterable[str], key: str = "model.requires") -> None:
    """Raise if a package that is needed cannot be used here; costs no import and no download.

    Args:
        packages: Names as Python imports them, key `requires` of a model yaml.
        key: The configuration key that asks for them.

    Raises:
        InputError: If one is not installed, or needs a GPU and there is none.
        ValueError: If a name is not known here.
    """
    for name in packages:
        if name not in _PACKAGES:
            known = ", ".join(_PACKAGES)
            raise ValueError(f"requires: nothing is known of package {name!r}; there is {known}")
        package = _PACKAGES[name]
        if find_spec(name) is None:
            raise InputError(
                f"{key}: {_who(key)} needs the package {name}, which is not installed: "
                f"{package.reason}. There: {package.install}. Otherwise: {package.instead}"
            )
        if package.needs_cuda and not torch.cuda.is_available():
            raise InputError(
                f"{key}: {_who(key)} needs a GPU, and torch sees none: {package.reason}. "
                f"Otherwise: {package.instead}"
            )


def _who(key: str) -> str:
    return f"this {key.partition('.')[0]}"
