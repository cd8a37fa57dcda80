"""A small model, random tokens and a trainer: real training for the tests of the rank sampler."""

from typing import Any

from lightning import Callback, Trainer, seed_everything
from torch import Generator, ones_like, randint
from torch.utils.data import DataLoader

from dnaft.batch import Batch
from dnaft.callbacks.rank_sampler import RankSampler
from dnaft.finetuner import FineTuner
from dnaft.methods.adalora import inject_adalora
from dnaft.optimization import AdamW
from small_models import small_backbone

ROLES = {
    "q": "encoder.layer.{layer}.attention.self.query",
    "v": "encoder.layer.{layer}.attention.self.value",
    "fc1": "encoder.layer.{layer}.intermediate.dense",
}
MATRICES, RANK = 4, 6  # q and v of two layers
QUIET: dict[str, Any] = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "accelerator": "cpu",
}


def batches(count: int, size: int = 4) -> DataLoader[Batch]:
    generator = Generator().manual_seed(0)
    rows = []
    for _ in range(count):
        ids = randint(5, 80, (size, 12), generator=generator)
        labels = (ids[:, 3] % 2).float()
        rows.append(Batch(ids, ones_like(ids), labels))
    # A generator of its own: an iterator otherwise takes a number from the global random state.
    return DataLoader(rows, batch_size=None, generator=Generator())  # type: ignore[arg-type]


def module(
    inject: Any = inject_adalora,
    roles: tuple[str, ...] = ("q", "v"),
    optimizer: AdamW | None = None,
    orthogonality_weight: float = 0.0,
    **changes: Any,
) -> FineTuner:
    seed_everything(3, verbose=False)
    backbone = small_backbone("bert", ROLES, "mean")
    backbone.attach_head(1)
    inject(backbone, **{"rank": RANK, "alpha": 12, "target_roles": roles, **changes})
    return FineTuner(backbone, "binary", 1, optimizer or AdamW(lr=1e-2), orthogonality_weight)


def sampler(**changes: Any) -> RankSampler:
    settings: dict[str, Any] = {
        "target_rank": 2,
        "interval": 4,
        "final_fraction": 0.25,
        "drop_probability": 0.2,
        "regrow_probability": 0.2,
    }
    return RankSampler(**(settings | changes))


def fit(
    callback: RankSampler,
    steps: int = 40,
    tuner: FineTuner | None = None,
    callbacks: tuple[Callback, ...] = (),
    data: DataLoader[Batch] | None = None,
    **options: Any,
) -> FineTuner:
    tuner = tuner or module()
    trainer = Trainer(
        max_steps=steps,
        callbacks=[callback, *callbacks],
        enable_checkpointing=False,
        **QUIET,
        **options,
    )
    trainer.fit(tuner, data or batches(steps * options.get("accumulate_grad_batches", 1)))
    return tuner


def ranks(tuner: FineTuner) -> list[int]:
    return [int(group.values.count_nonzero()) for group in tuner.triplets]
