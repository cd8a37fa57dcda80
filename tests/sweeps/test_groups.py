"""Which runs are trained together, from configurations as they are composed."""

from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from dnaft.config import config_dir, register_schema
from dnaft.sweeps.groups import group_runs


def configs(*runs: str) -> list[dict[str, Any]]:
    register_schema()
    with initialize_config_dir(config_dir(), version_base="1.3"):
        composed = [compose("train", ["method=lora", *run.split()]) for run in runs]
    found: list[Any] = [OmegaConf.to_container(config, resolve=True) for config in composed]
    return found


def test_runs_that_differ_in_what_is_their_own_form_a_group() -> None:
    runs = configs(
        "seed=1 method.rank=4",
        "seed=2 method.rank=8 method.optimizer.lr=1e-4",
        "method.inject.alpha=32 method.optimizer.weight_decay=0.1 trainer.max_epochs=2",
        "method.head_dropout=0.2 loss.label_smoothing=0.1 callbacks=early_stopping",
    )
    assert group_runs(runs, 9) == [[0, 1, 2, 3]]


def test_an_uneven_sweep_fills_groups_in_order() -> None:
    runs = configs(*(f"method.rank={rank}" for rank in range(1, 6)))
    assert group_runs(runs, 2) == [[0, 1], [2, 3], [4]]
    assert group_runs(runs, 1) == [[0], [1], [2], [3], [4]]


def test_what_changes_the_shared_pass_parts_groups() -> None:
    runs = configs(
        "method.rank=4",
        "method.inject.dropout=0.1",
        "method.inject.target_roles=[q]",
        "data.batch_size=16",
        "model=tiny",
        "task=yeast_tata",
        "trainer.precision=bf16-mixed",
        "method.rank=8 method.inject.dropout=0.1",
    )
    assert group_runs(runs, 9) == [[0], [1, 7], [2], [3], [4], [5], [6]]


@pytest.mark.parametrize(
    "setting",
    [
        "method=dora",
        "method=full",
        "method=linear_probe",
        "method=ia3",
        "method=qlora",
        "method=prompt_tuning",
        "method=baseline_kmer",
        "logger=wandb",
        "fast.fused_adapters=false",
        "eval.mlm=true",
        "trainer.devices=2",
        "model=plantcaduceus_l20",
    ],
)
def test_what_cannot_be_shared_runs_by_itself(setting: str) -> None:
    assert group_runs(configs(setting, f"{setting} seed=2"), 9) == [[0], [1]]


def test_adaptive_ranks_form_groups_of_their_own() -> None:
    runs = configs("method=adalora_rs", "method=adalora_rs seed=2", "method=lora")
    assert group_runs(runs, 9) == [[0, 1], [2]]
