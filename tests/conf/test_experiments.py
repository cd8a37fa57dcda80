"""The presets hold the numbers that the sources print, copied here by hand."""

from typing import Any

import pytest
from omegaconf.errors import InterpolationKeyError

from composing import composed

YEAST = ["q", "k", "v", "fc1", "fc2"]
PROMOTER = [*YEAST, "o"]

# Table S1 of AdaLoRA+RS, the last row of LINGO: preset, task, b^0, b^T, (T_total - T) / T_total,
# Delta T, beta1, beta2, pruned matrices, p.
TABLE_S1: list[tuple[Any, ...]] = [
    ("paper_yeast", "h3", 12, 6, 0.25, 100, 0.85, 0.85, YEAST, 0.05),
    ("paper_yeast", "h3k4me1", 12, 6, 0.25, 100, 0.85, 0.85, YEAST, 0.05),
    ("paper_yeast", "h3k4me2", 12, 6, 0.25, 100, 0.85, 0.85, YEAST, 0.05),
    ("paper_yeast", "h3k4me3", 12, 6, 0.25, 100, 0.85, 0.85, YEAST, 0.05),
    ("paper_yeast", "h3k9ac", 12, 6, 0.25, 100, 0.85, 0.85, YEAST, 0.05),
    ("paper_yeast", "h3k14ac", 12, 6, 0.25, 100, 0.85, 0.85, YEAST, 0.05),
    ("paper_yeast", "h3k36me3", 12, 6, 0.30, 100, 0.85, 0.85, YEAST, 0.05),
    ("paper_yeast", "h3k79me3", 12, 6, 0.30, 100, 0.85, 0.85, YEAST, 0.05),
    ("paper_yeast", "h4", 12, 6, 0.30, 100, 0.85, 0.85, YEAST, 0.05),
    ("paper_yeast", "h4ac", 12, 6, 0.30, 100, 0.85, 0.85, YEAST, 0.05),
    ("paper_promoters", "prom_all", 8, 6, 0.15, 5000, 0.85, 0.85, PROMOTER, 0.1),
    ("paper_promoters", "prom_notata", 8, 6, 0.15, 5000, 0.85, 0.85, PROMOTER, 0.1),
    ("paper_promoters", "prom_tata", 8, 6, 0.15, 5000, 0.85, 0.85, PROMOTER, 0.1),
    ("paper_human_histone", "deepsea_histone", 8, 6, 0.15, 5000, 0.99, 0.99, PROMOTER, 0.1),
]
FIRST = {row[0]: row[1] for row in reversed(TABLE_S1)}
METHODS = ["full", "lora", "adalora", "adalora_rs", "lingo"]


def preset(name: str, task: str, *overrides: str) -> dict[str, Any]:
    return composed(f"experiment={name}", f"task={task}", *overrides)


@pytest.mark.parametrize("row", TABLE_S1, ids=lambda row: row[1])
def test_table_s1(row: tuple[Any, ...]) -> None:
    config = preset(*row[:2])
    method, sampler = config["method"], config["method"]["callbacks"]["rank_sampler"]
    assert (
        config["task"]["name"],
        method["rank"],
        sampler["target_rank"],
        sampler["final_fraction"],
        sampler["interval"],
        sampler["beta1"],
        sampler["beta2"],
        sorted(method["inject"]["target_roles"]),
        sampler["drop_probability"],
    ) == (*row[1:8], sorted(row[8]), row[9])
    assert method["name"] == "adalora_rs"
    assert method["inject"]["rank"] == method["rank"]
    # One R for both events; allocation from the first interval on; the method as the papers say.
    assert sampler["regrow_probability"] == sampler["drop_probability"]
    assert sampler["warmup_fraction"] == 0
    assert sampler["variant"] == "paper"
    assert config["eval"]["choose_on"] == "dev"


@pytest.mark.parametrize("name", ["paper_yeast", "paper_promoters"])
@pytest.mark.parametrize("method", METHODS)
def test_section_5_1_holds_for_every_method(name: str, method: str) -> None:
    config = preset(name, FIRST[name], f"method={method}", "model=opt_125m")
    optimizer = config["method"]["optimizer"]
    assert (config["data"]["batch_size"], config["data"]["eval_batch_size"]) == (8, 16)
    assert config["trainer"]["max_epochs"] == 5
    assert (optimizer["lr"], optimizer["weight_decay"]) == (3e-5, 5e-3)
    assert (optimizer["warmup_fraction"], optimizer["decay"]) == (0.1, "linear")
    assert optimizer["warmup_steps"] is None
    row = next(row for row in TABLE_S1 if row[0] == name)
    if method == "lora":
        assert config["method"]["inject"]["rank"] == 8
        assert sorted(config["method"]["inject"]["target_roles"]) == sorted(row[8])
    if method in METHODS[2:]:
        sampler = config["method"]["callbacks"]["rank_sampler"]
        assert config["method"]["inject"]["rank"] == row[2]
        assert sampler["interval"] == row[5]
        assert sampler.get("drop_probability") == (None if method == "adalora" else row[9])


def test_lingo_adds_its_prefix_and_suffix_and_nothing_else() -> None:
    plain, lingo = (
        preset("paper_yeast", "h4", f"method={m}", "model=opt_125m") for m in METHODS[3:]
    )
    assert lingo["method"]["callbacks"] == plain["method"]["callbacks"]
    assert lingo["tokenizer"]["prefix"] == "Domain: Yeast Histone Mark\nSequence: "
    assert lingo["tokenizer"]["suffix"] == "\nAnnotation:"


def test_human_histone_marks_stop_early_as_section_4_4_says() -> None:
    config = preset("paper_human_histone", "deepsea_histone")
    assert config["trainer"]["val_check_interval"] == 10_000
    assert config["trainer"]["check_val_every_n_epoch"] is None
    stopping = config["callbacks"]["early_stopping"]
    assert (stopping["monitor"], stopping["patience"]) == ("dev/loss", 10)


# SpeciesLM report: preset, method, task, batch, rate, rank; alpha 32, dropout 0.01, 5 epochs.
REPORT = [
    ("report_enhancers", "dora", "report_enhancers", 128, 1e-3, 2),
    ("report_promoter", "lora", "report_promoter", 128, 1e-3, 16),
    ("report_h3", "lora", "report_h3", 64, 1e-3, 16),
    ("report_h3", "linear_probe", "report_h3", 64, 1e-3, None),
    ("report_expression", "linear_probe", "yeast_expression", 32, 2e-3, None),
    ("report_expression", "ia3", "yeast_expression", 32, 1e-2, None),
    ("report_expression", "lora", "yeast_expression", 32, 2e-3, 16),
    ("report_expression", "dora", "yeast_expression", 16, 2e-3, 32),
]


@pytest.mark.parametrize(("name", "method", "task", "batch", "lr", "rank"), REPORT)
def test_report(name: str, method: str, task: str, batch: int, lr: float, rank: int | None) -> None:
    config = composed(f"experiment={name}", f"method={method}")
    inject = config["method"]["inject"]
    assert (config["task"]["name"], config["model"]["name"]) == (task, "specieslm")
    assert config["tokenizer"]["species"] == "candida_glabrata"
    assert (config["data"]["batch_size"], config["trainer"]["max_epochs"]) == (batch, 5)
    assert config["method"]["optimizer"]["lr"] == lr
    if name == "report_h3":
        assert config["method"]["optimizer"]["weight_decay"] == 1e-3
    if rank is not None:
        assert (inject["rank"], inject["alpha"], inject["dropout"]) == (rank, 32, 0.01)


def test_the_tutorial_is_its_notebook() -> None:
    config = composed("experiment=tutorial")
    optimizer, inject = config["method"]["optimizer"], config["method"]["inject"]
    assert (config["task"]["name"], config["model"]["name"]) == ("prom_notata", "nt_500m_human_ref")
    assert (optimizer["lr"], optimizer["weight_decay"], optimizer["warmup_steps"]) == (
        1e-4,
        0.1,
        50,
    )
    assert (config["data"]["batch_size"], config["data"]["eval_batch_size"]) == (8, 16)
    assert (config["trainer"]["max_epochs"], config["seed"]) == (1, 42)
    assert (inject["rank"], inject["alpha"], inject["dropout"]) == (8, 32, 0.05)
    assert inject["target_roles"] == ["q", "v"]
    assert composed("experiment=tutorial", "method=full")["method"]["optimizer"]["lr"] == 1e-4


# The figures: method, rate, decay; batch size 8. So the SpeciesLM report, Section 4.1, of LoRA;
# (IA)^3 goes with it, and nobody prints the rate of full fine-tuning.
TUTORIAL_NT = [("lora", 3e-3, 0.0), ("ia3", 3e-3, 0.0), ("full", 3e-5, 0.0)]


@pytest.mark.parametrize(("method", "lr", "weight_decay"), TUTORIAL_NT)
def test_the_tutorials_figures_have_what_the_report_tells(
    method: str, lr: float, weight_decay: float
) -> None:
    config = composed("experiment=tutorial_nt", f"method={method}")
    optimizer = config["method"]["optimizer"]
    assert (optimizer["lr"], optimizer["weight_decay"]) == (lr, weight_decay)
    assert config["data"]["batch_size"] == 8


def test_the_tutorial_probes_enhancers() -> None:
    config = composed("experiment=tutorial_nt", "method=layer_probe")
    assert (config["task"]["name"], config["model"]["name"]) == (
        "nt_enhancers",
        "nt_500m_human_ref",
    )
    assert config["method"]["optimizer"] is None


def test_a_task_without_a_row_in_the_table_is_refused() -> None:
    with pytest.raises(InterpolationKeyError, match=r"final_fractions\.tf_0"):
        preset("paper_yeast", "tf_0")


def test_the_command_line_wins_over_a_preset() -> None:
    config = preset("paper_yeast", "h3", "method=lora", "method.rank=2", "data.batch_size=4")
    assert (config["method"]["inject"]["rank"], config["data"]["batch_size"]) == (2, 4)
