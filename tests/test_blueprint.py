"""A model without its numbers is as large as the model, under every method."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from composing import composed
from dnaft.blueprint import draw
from dnaft.config import build
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.run import prepare_backbone, prepare_data
from dnaft.sweeps.random_rows import with_random_rows
from small_methods import METHODS, SETTINGS, WITH
from small_runs import SMALL_OPT

MODEL = ["model=tiny_opt", *SMALL_OPT]
FEW = {"train": 4, "dev": 2, "test": 2}
# Which of their parameters train is found by sending a row through the model.
BY_A_ROW = ("bitfit", "partial")


def prepared(folder: Path, *overrides: str) -> tuple[dict[str, Any], Task, SequenceDataModule]:
    config = copy.deepcopy(composed(*MODEL, *overrides))
    config["data"]["cache_dir"] = str(folder)
    task = with_random_rows(build(config["task"], "task"), FEW)
    return config, task, prepare_data(config, task)


@pytest.mark.parametrize("method", METHODS)
def test_parameters_are_those_of_the_model(method: str, tmp_path: Path) -> None:
    settings = [f"method.inject.{key}={value}" for key, value in SETTINGS.get(method, {}).items()]
    whole = ["method.quantise=null"] if method == "qlora" else []
    parts = prepared(tmp_path, f"method={method}", *settings, *whole, *WITH.get(method, []))
    before = torch.get_rng_state()
    blueprint = draw(*parts)
    assert torch.equal(torch.get_rng_state(), before)
    backbone = prepare_backbone(*parts)
    assert blueprint is not None
    assert blueprint.parameters == sum(p.numel() for p in backbone.parameters())
    trained = sum(p.numel() for p in backbone.parameters() if p.requires_grad)
    assert blueprint.trained == (blueprint.parameters if method in BY_A_ROW else trained)
    assert blueprint.embedded == 2048 * 16
    assert blueprint.width == parts[0]["model"]["architecture"]["num_hidden_layers"] * 16


def test_what_cannot_be_injected_is_refused(tmp_path: Path) -> None:
    parts = prepared(tmp_path, "method=lora", "method.inject.target_roles=[q,zz]")
    with pytest.raises(InputError, match=r"method\.inject: role 'zz' matches no module"):
        draw(*parts)
    parts = prepared(tmp_path, "method=lora", "model.max_tokens=5000")
    with pytest.raises(InputError, match=r"model\.max_tokens: 5000 are more than tiny_opt has"):
        draw(*parts)


def test_what_only_the_weights_can_tell_is_not_judged(tmp_path: Path) -> None:
    config, task, data = prepared(tmp_path, "method=lora", "method.inject.target_roles=[q,zz]")
    # Weights in a folder may be of a larger model than the yaml says.
    elsewhere = {**config["model"], "source": str(tmp_path)}
    assert draw({**config, "model": elsewhere}, task, data) is None
    assert draw({**config, "model": {**elsewhere, "architecture": None}}, task, data) is None
    short = {**elsewhere, "source": "someone/none", "max_tokens": 5000}
    assert draw({**config, "model": short}, task, data) is None
