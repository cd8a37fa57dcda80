"""The presets hold the numbers that the papers print, copied here by hand."""

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from dnaft.config import config_dir, register_schema

YEAST = ["q", "k", "v", "fc1", "fc2"]
PROMOTER = [*YEAST, "o"]

# Table S1 of AdaLoRA+RS, and for human_histone of LINGO: b^0, b^T, (T_total - T) / T_total, Delta
# T, beta1, beta2, pruned matrices, p; then the task that the preset chooses.
TABLE_S1: dict[str, tuple[Any, ...]] = {
    "paper_h3": (12, 6, 0.25, 100, 0.85, 0.85, YEAST, 0.05, "h3"),
    "paper_h3k4me1": (12, 6, 0.25, 100, 0.85, 0.85, YEAST, 0.05, "h3k4me1"),
    "paper_h3k4me2": (12, 6, 0.25, 100, 0.85, 0.85, YEAST, 0.05, "h3k4me2"),
    "paper_h3k4me3": (12, 6, 0.25, 100, 0.85, 0.85, YEAST, 0.05, "h3k4me3"),
    "paper_h3k9ac": (12, 6, 0.25, 100, 0.85, 0.85, YEAST, 0.05, "h3k9ac"),
    "paper_h3k14ac": (12, 6, 0.25, 100, 0.85, 0.85, YEAST, 0.05, "h3k14ac"),
    "paper_h3k36me3": (12, 6, 0.30, 100, 0.85, 0.85, YEAST, 0.05, "h3k36me3"),
    "paper_h3k79me3": (12, 6, 0.30, 100, 0.85, 0.85, YEAST, 0.05, "h3k79me3"),
    "paper_h4": (12, 6, 0.30, 100, 0.85, 0.85, YEAST, 0.05, "h4"),
    "paper_h4ac": (12, 6, 0.30, 100, 0.85, 0.85, YEAST, 0.05, "h4ac"),
    "paper_prom_all": (8, 6, 0.15, 5000, 0.85, 0.85, PROMOTER, 0.1, "prom_all"),
    "paper_prom_notata": (8, 6, 0.15, 5000, 0.85, 0.85, PROMOTER, 0.1, "prom_notata"),
    "paper_prom_tata": (8, 6, 0.15, 5000, 0.85, 0.85, PROMOTER, 0.1, "prom_tata"),
    "paper_human_histone": (8, 6, 0.15, 5000, 0.99, 0.99, PROMOTER, 0.1, "deepsea_histone"),
}


def preset(name: str, *overrides: str) -> dict[str, Any]:
    register_schema()
    with initialize_config_dir(config_dir(), version_base="1.3"):
        config = compose("train", overrides=[f"experiment={name}", *overrides])
    plain: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    whole: dict[str, Any] = plain
    return whole


def test_every_preset_of_the_papers_is_in_the_table() -> None:
    files = {file.stem for file in Path(config_dir(), "experiment").glob("paper_*.yaml")}
    assert files == set(TABLE_S1)


@pytest.mark.parametrize("name", TABLE_S1)
def test_table_s1(name: str) -> None:
    config = preset(name)
    method, sampler = config["method"], config["method"]["callbacks"]["rank_sampler"]
    assert (
        method["rank"],
        sampler["target_rank"],
        sampler["final_fraction"],
        sampler["interval"],
        sampler["beta1"],
        sampler["beta2"],
        sorted(method["inject"]["target_roles"]),
        sampler["drop_probability"],
        config["task"]["name"],
    ) == (*TABLE_S1[name][:6], sorted(TABLE_S1[name][6]), *TABLE_S1[name][7:])
    assert method["inject"]["rank"] == method["rank"]
    # One R for both events; allocation from the first interval on.
    assert sampler["regrow_probability"] == sampler["drop_probability"]
    assert sampler["warmup_fraction"] == 0
    assert sampler["variant"] == "paper"


@pytest.mark.parametrize("name", TABLE_S1)
def test_training_settings_of_section_5_1(name: str) -> None:
    config = preset(name)
    optimizer = config["method"]["optimizer"]
    assert config["data"]["batch_size"] == 8
    assert config["data"]["eval_batch_size"] == 16
    assert config["trainer"]["max_epochs"] == 5
    assert optimizer["lr"] == 3e-5
    assert optimizer["weight_decay"] == 5e-3
    assert optimizer["warmup_fraction"] == 0.1
    assert optimizer["decay"] == "linear"
    assert config["method"]["name"] == "adalora_rs"


def test_lingo_takes_the_same_numbers() -> None:
    """LINGO's Table S1 is that of AdaLoRA+RS; the method only adds its prefix and suffix."""
    plain, lingo = preset("paper_h4"), preset("paper_h4", "method=lingo", "model=opt_125m")
    assert lingo["method"]["callbacks"] == plain["method"]["callbacks"]
    assert lingo["method"]["optimizer"] == plain["method"]["optimizer"]
    assert lingo["tokenizer"]["prefix"] == "Domain: Yeast Histone Mark\nSequence: "
