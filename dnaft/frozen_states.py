"""What is frozen is computed once: hidden states below all that trains, kept on disk."""

import logging
import math
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Trainer
from lightning.fabric.utilities import move_data_to_device
from numpy.typing import NDArray

from dnaft.data.cache import cached_files, content_key
from dnaft.data.cache_room import GIB, make_room, states_folder, touch_entry
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.loader import Collate, TokenDataset
from dnaft.data.states import StateRows
from dnaft.data.tokens import TokenRows
from dnaft.flops import count_flops
from dnaft.frozen_cut import CannotCutError, Cut, find_cut
from dnaft.models.backbone import Backbone
from dnaft.models.fingerprint import weights_fingerprint
from dnaft.tokenizers.encoded import offsets_of

log = logging.getLogger(__name__)

SPLITS = ("train", "dev", "test")
_PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
_COUNTED = 8  # rows whose operations stand for all


def use_frozen_states(
    backbone: Backbone, data: SequenceDataModule, trainer: Trainer, cache_gib: float
) -> dict[str, Any] | None:
    """Let training and scoring begin where the first thing trains, on states from the cache.

    The states are float32 and the frozen part is in evaluation mode, whatever the precision of the
    trainer; the global random state is left as it was.

    Args:
        backbone: The model with its method; moved to the device of the trainer.
        data: The splits; its batches have `states` from now on.
        trainer: Says how much of the data is read.
        cache_gib: The most that all states in the cache may take.

    Returns:
        For the record: `states` in words, `rows` of all splits and views, `rows_read` of them by
        this run, `bytes`, `read_seconds`, and `flops` that reading the training rows takes, by
        this run or by the one that filled the cache. None if the frozen part is computed in every
        epoch, or there is none; a line then says why, if something is frozen.
    """
    started = time.perf_counter()
    cut = find_cut(backbone)
    if cut is None:
        return None
    device = trainer.strategy.root_device
    modes = {module: module.training for module in backbone.modules()}
    backbone.to(device).eval()
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            found = _read_splits(cut, backbone, data, trainer, cache_gib)
    except CannotCutError as reason:
        backbone.frozen_trunk = None
        log.info("the frozen layers are computed in every epoch: %s", reason)
        return None
    finally:
        for module, mode in modes.items():
            module.training = mode
    seconds = time.perf_counter() - started
    read = f"{found['rows_read']:,} rows read once in {seconds:.1f} s"
    log.info(
        "%s of the frozen layers: %s, %.1f MiB (fast.frozen_states)",
        cut.what,
        read if found["rows_read"] else "from the cache",
        found["bytes"] / 2**20,
    )
    return {**found, "read_seconds": seconds}


def _read_splits(
    cut: Cut, backbone: Backbone, data: SequenceDataModule, trainer: Trainer, cache_gib: float
) -> dict[str, Any]:
    """Read what the cache lacks, and hand everything to `data`.

    Raises:
        CannotCutError: If the model cannot be cut, it would take more time, or there is no room.
    """
    views = {split: data.views(split) for split in SPLITS}
    if not views["train"]:
        raise CannotCutError("the rows are streamed from a store")
    if trainer.precision not in _PRECISIONS:
        raise CannotCutError(f"trainer.precision={trainer.precision}")
    if cut.learns and backbone.computes_twice:
        # The second time a layer would be handed what entered it without the kept states.
        raise CannotCutError("fast.gradient_checkpointing=true")
    trained = {name for name, p in backbone.named_parameters() if p.requires_grad}
    fingerprint = weights_fingerprint(backbone, trained)
    keys = {
        id(tokens): content_key([], fingerprint, cut.what, tokens.fingerprint())
        for of_split in views.values()
        for tokens in of_split
    }
    base = states_folder(data.cache_dir)
    lacking = {
        split: [tokens for tokens in of_split if not (base / keys[id(tokens)]).is_dir()]
        for split, of_split in views.items()
    }
    _check_worth(sum(map(len, lacking["train"])), trainer, data)
    if cut.learns or any(lacking.values()):
        cut.try_out(views["train"][0], data.tokenizer.pad_id)
    needed = sum(_bytes(cut, tokens) for of_split in lacking.values() for tokens in of_split)
    for key in keys.values():
        touch_entry(base / key)  # what this run will use is not what makes room
    if needed and not make_room(base, needed, cache_gib):
        raise CannotCutError(
            f"their {cut.what} take {needed / GIB:.1f} GiB, more than fast.cache_gib="
            f"{cache_gib:g} or the disk has room for in {base}"
        )
    reader = _Reader(cut, backbone, data)
    flops = {}
    for split, of_split in views.items():
        found = [reader.states(tokens, base, keys[id(tokens)]) for tokens in of_split]
        data.states[split] = [states for states, _ in found]
        flops[split] = sum(counted for _, counted in found)
    everything = [tokens for of_split in views.values() for tokens in of_split]
    return {
        "states": cut.what,
        "rows": sum(map(len, everything)),
        "rows_read": reader.rows,
        "bytes": sum(_bytes(cut, tokens) for tokens in everything),
        "flops": flops["train"],
    }


class _Reader:
    """Reads rows through the frozen part of a model, each once.

    Args:
        cut: Where it ends.
        backbone: The model, on its device, in evaluation mode.
        data: Says how large batches are.

    Attributes:
        rows: How many rows were read.
    """

    def __init__(self, cut: Cut, backbone: Backbone, data: SequenceDataModule) -> None:
        self._cut = cut
        self._device = next(backbone.parameters()).device
        self._batch_size = data.eval_batch_size
        self._collate = Collate(data.tokenizer.pad_id)
        self.rows = 0

    def states(self, tokens: TokenRows, base: Path, key: str) -> tuple[StateRows, int]:
        """Return the states of some rows, from the cache or computed now, and their operations."""
        offsets = None if self._cut.pooled else _offsets(self._cut, tokens)
        flops, file = cached_files(base, key, lambda folder: self._read(tokens, offsets, folder))
        touch_entry(base / key)
        return StateRows(file, offsets), int(np.load(flops))

    def _count_flops(self, tokens: TokenRows) -> int:
        """Return the operations that all rows take, from those of a few, short ones and long."""
        order = np.argsort(tokens.longest_windows(), kind="stable")
        few = order[np.linspace(0, len(order) - 1, _COUNTED).round().astype(int)].tolist()
        rows = TokenDataset(tokens, torch.zeros(len(tokens)))
        batches = [move_data_to_device(self._collate(rows[row]), self._device) for row in few]
        counted = sum(count_flops(partial(self._cut.read, batch)) for batch in batches)
        return round(counted * len(tokens) / len(few))

    @torch.no_grad()
    def _read(self, tokens: TokenRows, offsets: NDArray[np.int64] | None, folder: Path) -> None:
        """Write the states of all rows, batches of like length at a time."""
        rows = TokenDataset(tokens, torch.zeros(len(tokens)))
        places = len(tokens) if offsets is None else int(offsets[-1])
        out = np.lib.format.open_memmap(
            folder / "states.npy", mode="w+", dtype=np.float32, shape=(places, self._cut.width)
        )
        order = np.argsort(-tokens.longest_windows(), kind="stable").tolist()
        for begin in range(0, len(order), self._batch_size):
            chosen = order[begin : begin + self._batch_size]
            batch = move_data_to_device(self._collate(rows.__getitems__(chosen)), self._device)
            found = self._cut.read(batch).cpu().numpy()
            if offsets is None:
                out[chosen] = found
                continue
            windows = [window for row in chosen for window in tokens.window_numbers(row)]
            for window, states in zip(windows, found, strict=True):
                first, last = offsets[window : window + 2]
                out[first:last] = states[: last - first]
        out.flush()
        np.save(folder / "flops.npy", self._count_flops(tokens))
        self.rows += len(tokens)


def _check_worth(rows: int, trainer: Trainer, data: SequenceDataModule) -> None:
    """Refuse to read more training rows than training itself would read.

    Raises:
        CannotCutError: If the views of the rows are more than its epochs, or epochs are cut short.
    """
    per_epoch: float = len(data.views("train")[0])
    batch = data.batch_size
    limit = trainer.limit_train_batches
    if limit is not None:
        per_epoch = min(per_epoch, limit * (batch if isinstance(limit, int) else per_epoch))
    epochs = trainer.max_epochs
    planned: float = math.inf if epochs is None or epochs < 0 else epochs * per_epoch
    if trainer.max_steps >= 0:
        planned = min(planned, trainer.max_steps * batch * trainer.accumulate_grad_batches)
    if rows > planned:
        raise CannotCutError(
            f"training reads {planned:,.0f} rows; to keep their states would mean to read {rows:,}"
        )


def _offsets(cut: Cut, tokens: TokenRows) -> NDArray[np.int64]:
    """Return where the places of each window begin in the file, (windows + 1,)."""
    places: NDArray[np.int64] = -(-np.diff(tokens.offsets) // cut.stride)
    return offsets_of(places)


def _bytes(cut: Cut, tokens: TokenRows) -> int:
    places = len(tokens) if cut.pooled else int(_offsets(cut, tokens)[-1])
    return 4 * cut.width * places
