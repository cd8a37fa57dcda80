"""A run of a sweep is composed as Hydra composes it, from files that are read once."""

from collections.abc import Iterator
from typing import Any

import pytest
from hydra import initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from dnaft.config import config_dir, register_schema
from dnaft.sweeps.compose import Composer
from sweep_runs import Program

Composing = tuple[Any, DictConfig]
OF_ALL = ["hydra.job.name=mine", "hydra/sweeper=grid"]
RUNS = [
    ["method=lora", "seed=1"],
    ["method=lora", "seed=2", "method.rank=3", "trainer.max_epochs=1"],
    ["method.rank=3", "method=dora", "~callbacks", "+protocol.note={a:1,b:[x]}"],
    ["method=adalora_rs", "~method.callbacks.rank_sampler", "model={name:mine}"],
    ["task=h3", "experiment=paper_yeast", "released=[max_length,epochs]", "++data.more=1"],
    ["callbacks=early_stopping", "callbacks.early_stopping.patience=7", "output_dir='a b'"],
    ["model=opt_125m", "tokenizer=own_by_base", "method=lingo", "hydra.launcher.together=3"],
]


@pytest.fixture
def composing() -> Iterator[Composing]:
    """Hydra's loader, and what it composed for the sweep."""
    register_schema()
    with initialize_config_dir(config_dir(), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        yield loader, loader.load_configuration("train", OF_ALL, RunMode.MULTIRUN)


def test_it_is_what_hydra_composes(composing: Composing) -> None:
    loader, config = composing
    composer = Composer(loader, config)
    for _ in range(2):  # the second time from what the first one left
        for run in RUNS:
            found, expected = composer.compose(run), loader.load_sweep_config(config, run)
            assert OmegaConf.to_container(found) == OmegaConf.to_container(expected)
            assert found.hydra.overrides.task == [o for o in run if not o.startswith("hydra")]
            assert OmegaConf.is_struct(found) == OmegaConf.is_struct(expected)


@pytest.mark.parametrize("run", [["method=ia3", "method.rank=2"], ["seed=one"], ["method=lra"]])
def test_it_refuses_what_hydra_refuses(composing: Composing, run: list[str]) -> None:
    loader, config = composing
    with pytest.raises(Exception, match=r".") as expected:
        loader.load_sweep_config(config, run)
    with pytest.raises(type(expected.value)):
        Composer(loader, config).compose(run)


def test_a_sweep_reads_the_files_once_for_each_choice(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[list[str]] = []
    load = ConfigLoaderImpl.load_sweep_config

    def noted(loader: Any, master: DictConfig, overrides: list[str]) -> DictConfig:
        read.append(overrides)
        return load(loader, master, overrides)

    monkeypatch.setattr(ConfigLoaderImpl, "load_sweep_config", noted)
    out, _ = program.run("-m", "method=lora,dora", "seed=range(1,7)")
    assert out.startswith("composing 12 runs\n12 runs\n")
    assert read == [["method=lora"], ["method=dora"]]
    out, _ = program.run("-m", "method=lora", "seed=1,2")
    assert out.startswith("2 runs, 2 of them done already\n")
