"""What a process has once and each run needs for itself, where several runs take turns in it."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


class ProcessState:
    """The global generators of Python, NumPy and torch and torch's dtype, as one run left them."""

    def __init__(self) -> None:
        self._kept: tuple[Any, ...] | None = None

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Go on where the last such block ended; afterwards all is as before.

        The first block begins with what it finds.
        """
        before = _state()
        if self._kept is not None:
            _restore(self._kept)
        try:
            yield
        finally:
            self._kept = _state()
            _restore(before)


def _state() -> tuple[Any, ...]:
    on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    dtype = torch.get_default_dtype()  # double precision sets it within a step
    return dtype, random.getstate(), np.random.get_state(), torch.get_rng_state(), on_gpus


def _restore(state: tuple[Any, ...]) -> None:
    dtype, of_python, of_numpy, of_torch, on_gpus = state
    torch.set_default_dtype(dtype)
    random.setstate(of_python)
    np.random.set_state(of_numpy)
    torch.set_rng_state(of_torch)
    if on_gpus:
        torch.cuda.set_rng_state_all(on_gpus)
