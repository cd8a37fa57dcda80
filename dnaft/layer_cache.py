"""Pooled states of all layers of a model that stays as it is: computed once, kept on disk."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnaft.data.cache import cached_files, content_key
from dnaft.data.cache_room import make_room, states_folder, touch_entry
from dnaft.data.datamodule import SequenceDataModule
from dnaft.models.backbone import Backbone
from dnaft.models.fingerprint import weights_fingerprint
from dnaft.models.layer_states import read_layers

log = logging.getLogger(__name__)

Layers = list[NDArray[np.float32]]


class LayerReader:
    """Reads splits through a model that stays as it is, those that the cache lacks.

    Args:
        backbone: The model, on its device.
        data: The splits.
        cache_gib: The most that all states in the cache may take; None reads every row anew and
            keeps nothing.

    Attributes:
        rows: How many rows were handed out.
        rows_read: How many of them the model read.
        bytes: What their vectors take.
        seconds: How long that took.
    """

    def __init__(
        self, backbone: Backbone, data: SequenceDataModule, cache_gib: float | None
    ) -> None:
        self._backbone = backbone
        self._data = data
        self._cache_gib = cache_gib
        self._weights = "" if cache_gib is None else weights_fingerprint(backbone, set())
        self.rows = self.rows_read = self.bytes = 0
        self.seconds = 0.0

    def read(self, split: str) -> Layers:
        """Return the pooled states of a split, (rows, width) for each layer.

        Raises:
            InputError: As `read_layers`, or if the cache cannot be written.
        """
        started, before = time.perf_counter(), self.rows_read

        def compute() -> Layers:
            found = read_layers(self._backbone, self._data.in_order(split))
            self.rows_read += len(found[0])
            return found

        views = [] if self._cache_gib is None else self._data.views_in_order(split)
        if views and self._cache_gib is not None:
            parts = [tokens.fingerprint() for tokens in views]
            key = content_key([], "layers", self._weights, self._backbone.pooling, *parts)
            layers = _kept(states_folder(self._data.cache_dir), key, self._cache_gib, compute)
        else:
            layers = compute()
        seconds = time.perf_counter() - started
        self.rows += len(layers[0])
        self.bytes += sum(layer.nbytes for layer in layers)
        self.seconds += seconds
        log.info(
            "%s: %s rows %s, %d hidden states, %.1f s",
            split,
            f"{len(layers[0]):,}",
            "read" if self.rows_read > before else "from the cache",
            len(layers),
            seconds,
        )
        return layers

    def summary(self) -> dict[str, Any] | None:
        """Return what the record says of them; None if nothing is kept."""
        if self._cache_gib is None:
            return None
        return {
            "states": f"pooled vectors of all layers ({self._backbone.pooling})",
            "rows": self.rows,
            "rows_read": self.rows_read,
            "bytes": self.bytes,
            "read_seconds": self.seconds,
        }


def _kept(base: Path, key: str, cache_gib: float, compute: Callable[[], Layers]) -> Layers:
    """Return the layers of an entry; computed and, if there is room, kept where it is absent."""
    if (base / key).is_dir():
        files = cached_files(base, key, lambda folder: _write(compute(), folder))
        touch_entry(base / key)
        return [np.load(file) for file in files]
    layers = compute()
    if make_room(base, sum(layer.nbytes for layer in layers), cache_gib):
        cached_files(base, key, lambda folder: _write(layers, folder))
    else:
        log.info("no room in %s for these states: they are read again in the next run", base)
    return layers


def _write(layers: Layers, folder: Path) -> None:
    for number, layer in enumerate(layers):
        np.save(folder / f"{number:04}.npy", layer)
