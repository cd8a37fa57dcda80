"""What one point of `growth.py` costs: seconds and, where it says something, peak memory."""

import ctypes
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from dnaft.callbacks.rank_sampler import RankSampler
from dnaft.config import build, config_dir
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.store_source import StoreSource
from dnaft.data.task import Task
from dnaft.data_tools.store_writer import writing
from dnaft.losses import task_loss
from dnaft.methods.adalora import inject_adalora
from dnaft.methods.checkpointing import checkpoint_gradients
from dnaft.methods.fuse import fuse_adapters
from dnaft.methods.lora import inject_lora
from dnaft.methods.triplets import find_triplets
from dnaft.metrics import build_metrics
from dnaft.models.backbone import ROLES, Backbone
from dnaft.models.head import TaskHead
from dnaft.ranks.budget import BudgetSchedule
from dnaft.ranks.pruned import PrunedValues
from dnaft.tokenizers.kmer import KmerTokenizer

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
BATCH, RANK_BATCH, LABEL_BATCH, LABEL_ROWS = 4, 8, 256, 2048
LENGTH_LAYERS = 8
RANK_TOKENS, INTERVAL, TOTAL = 300, 10, 100_000
ROW_BP, ROW_LABELS, BLOCK = 200, 8, 20_000
WIDTH = 768
_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Cost:
    """What a point costs.

    Attributes:
        seconds: Median of the repeats.
        bytes: The most memory held beyond what was held before; None where it was not measured.
    """

    seconds: float
    bytes: int | None = None


def length(tokens: int, series: str, repeats: int) -> Cost:
    """Return a step of a BERT with LoRA on all roles, its layers kept or computed twice."""
    shape = {"max_position_embeddings": 2050, "num_hidden_layers": LENGTH_LAYERS}
    backbone = _model("tiny", max_tokens=2050, architecture=shape)
    backbone.attach_head(1)
    inject_lora(backbone, rank=8, alpha=16, target_roles=ROLES)
    fuse_adapters(backbone)
    if series == "checkpointed":
        checkpoint_gradients(backbone)
    return _steps(backbone, BATCH, tokens, repeats)


def rank(number: int, series: str, repeats: int) -> Cost:
    """Return a step of yeast_mini with adapters of this rank on all roles."""
    backbone = _model("yeast_mini")
    backbone.attach_head(1, positions=RANK_TOKENS)
    inject = inject_lora if series == "lora" else inject_adalora
    inject(backbone, rank=number, alpha=16, target_roles=ROLES)
    fuse_adapters(backbone)
    if series == "lora":
        return _steps(backbone, RANK_BATCH, RANK_TOKENS, repeats)
    observe = _sampler(backbone.to(DEVICE), number)
    return _steps(backbone, RANK_BATCH, RANK_TOKENS, max(repeats, INTERVAL), observe)


def rows(count: int, series: str, repeats: int, folder: Path) -> Cost:
    """Return writing a store of so many rows, or one epoch of its loader; once, it is long."""
    del repeats
    store = folder / f"rows{count}"
    if series == "prepare":
        begin = time.perf_counter()
        with _peak() as memory:
            _write_store(store, count)
        return Cost(time.perf_counter() - begin, memory[0])
    if not store.is_dir():
        _write_store(store, count)
    source = StoreSource(store.name, "generated")
    task = Task("generated", "multilabel", source, outputs=ROW_LABELS, length_bp=ROW_BP)
    with tempfile.TemporaryDirectory() as cache, _peak() as memory:
        begin = time.perf_counter()
        data = SequenceDataModule(
            task, KmerTokenizer(k=6), data_dir=str(folder), cache_dir=cache, batch_size=64
        )
        data.setup()
        for _ in data.train_dataloader():
            pass
        seconds = time.perf_counter() - begin
    return Cost(seconds, memory[0])


def labels(count: int, series: str, repeats: int) -> Cost:
    """Return head and loss of a batch, forward and backward, or the scores of some thousand rows.

    The rows of a split are all scored after each epoch: their scores are most of the cost.
    """
    torch.manual_seed(0)
    if series == "head and loss":
        head, pooled = TaskHead(WIDTH, count).to(DEVICE), torch.randn(LABEL_BATCH, WIDTH)
        pooled = pooled.to(DEVICE).requires_grad_()
        wanted = (torch.rand(LABEL_BATCH, count) < 0.1).float().to(DEVICE)

        def work() -> None:
            task_loss("multilabel", head(pooled), wanted).backward()

        return _timed(work, repeats)
    logits = torch.randn(LABEL_ROWS, count)
    wanted = (torch.rand(LABEL_ROWS, count) < 0.1).float()

    def score() -> None:
        metrics = build_metrics("multilabel", count)
        metrics.update(logits, wanted)
        metrics.compute()

    return _timed(score, repeats)


def _model(name: str, **changes: Any) -> Backbone:
    with initialize_config_dir(config_dir(), version_base="1.3"):
        config = compose(overrides=["+tokenizer=character", f"+model={name}"])
    node: Any = OmegaConf.to_container(config.model, resolve=True)
    if "architecture" in changes:
        changes["architecture"] = node["architecture"] | changes["architecture"]
    backbone: Backbone = build(node | changes, "model")
    return backbone


def _sampler(backbone: Backbone, number: int) -> Callable[[int], None]:
    """Return what the rank sampler does after a step, at an even pace down to half the rank."""
    groups = find_triplets(backbone)
    sampler = RankSampler(max(1, number // 2), INTERVAL, 0.25, 0.05, 0.05)
    sampler._groups, sampler._pruned = groups, PrunedValues(groups, "overwrite")
    least = max(1, number // 2) * len(groups)
    sampler._schedule = BudgetSchedule(
        number * len(groups), least, TOTAL, final=TOTAL // 4, interval=INTERVAL
    )

    def observe(step: int) -> None:
        sampler._observe(step)
        if sampler.schedule.redraws_at(step):
            sampler.allocate(step)

    return observe


def _steps(
    backbone: Backbone,
    batch: int,
    tokens: int,
    repeats: int,
    observe: Callable[[int], None] | None = None,
) -> Cost:
    """Time forward, backward and optimiser."""
    backbone.to(DEVICE).train()
    trained = [p for p in backbone.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4)
    ids = torch.randint(5, 9, (batch, tokens), device=DEVICE)
    mask, steps = torch.ones_like(ids), iter(range(1, TOTAL))

    def work() -> None:
        backbone(ids, mask).square().mean().backward()
        if observe is not None:
            observe(next(steps))
        optimizer.step()
        optimizer.zero_grad()

    # Allocations come every few steps: the mean has its share of them.
    middle = statistics.median if observe is None else statistics.mean
    return _timed(work, repeats, middle)


def _timed(
    work: Callable[[], None],
    repeats: int,
    middle: Callable[[list[float]], float] = statistics.median,
) -> Cost:
    work()
    with _peak() as memory:
        work()
    taken = []
    for _ in range(repeats):
        _wait()
        begin = time.perf_counter()
        work()
        _wait()
        taken.append(time.perf_counter() - begin)
    return Cost(middle(taken), memory[0])


def _wait() -> None:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


@contextmanager
def _peak() -> Iterator[list[int | None]]:
    """Measure the most memory held within beyond what was held before; on Linux and on GPUs."""
    found: list[int | None] = [None]
    gc.collect()
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    on_gpu = DEVICE.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    elif reset.exists():
        if _TRIM is not None:
            _TRIM(0)
        reset.write_text("5")  # the peak becomes what is held now
        before = _resident(status, "VmRSS")
    yield found
    if on_gpu:
        found[0] = torch.cuda.max_memory_allocated() - before
    elif reset.exists():
        found[0] = max(0, _resident(status, "VmHWM") - before)


def _resident(status: Path, name: str) -> int:
    line = next(line for line in status.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def _write_store(store: Path, count: int) -> None:
    """Write random rows, those that are there already left alone; dev and test have 64."""
    with writing(store, (ROW_BP, ROW_LABELS)) as writer:
        splits = {"train": count, "dev": 64, "test": 64}
        for seed, (split, wanted) in enumerate(splits.items()):
            for first in range(writer.resume(split, [wanted]), wanted, BLOCK):
                random = np.random.default_rng((seed, first))
                shape = (min(BLOCK, wanted - first), ROW_BP)
                letters = np.frombuffer(b"ACGT", np.uint8)[random.integers(0, 4, shape, np.uint8)]
                flags = random.random((shape[0], ROW_LABELS), np.float32) < 0.1
                writer.append(split, letters, flags.astype(np.uint8))
        writer.finish("generated", [], {split: {} for split in splits})
