"""Each file of conf/released changes what the released program does otherwise, and nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from composing import composed
from dnaft.config import config_dir
from dnaft.settings import check_settings

SAMPLER = "method.callbacks.rank_sampler"
MARKS = ("paper_yeast", "h4")
PROMOTER = ("paper_promoters", "prom_tata")
HUMAN = ("paper_human_histone", "deepsea_histone")
ROLES = ["q", "k", "v", "fc1", "fc2"]

# By hand from the scripts: preset and task, and what differs from the preset alone.
SWITCHES: dict[str, tuple[tuple[str, str], dict[str, Any]]] = {
    "choose_on_test": (PROMOTER, {"eval.choose_on": "test"}),
    "max_length": (PROMOTER, {"data.long_input": "cut", "model.max_tokens": 70}),
    "max_length_domain": (PROMOTER, {"data.long_input": "cut", "model.max_tokens": 512}),
    "epochs": (MARKS, {"trainer.max_epochs": 10}),
    "epochs_domain": (PROMOTER, {"trainer.max_epochs": 10}),
    "eval_steps": (
        PROMOTER,
        {"trainer.val_check_interval": 200, "trainer.check_val_every_n_epoch": None},
    ),
    "warmup_steps": (MARKS, {"method.optimizer.warmup_steps": 50}),
    "weight_decay": (MARKS, {"method.optimizer.weight_decay": 0.01}),
    "half_precision": (MARKS, {"trainer.precision": "16-mixed"}),
    "alpha_dropout": (MARKS, {"method.inject.alpha": 32, "method.inject.dropout": 0.05}),
    "no_output_projection": (PROMOTER, {"method.inject.target_roles": ROLES}),
    "ranks": (
        PROMOTER,
        {"method.rank": 12, "method.inject.rank": 12, f"{SAMPLER}.target_rank": 8},
    ),
    "ranks_domain": (
        MARKS,
        {"method.rank": 8, "method.inject.rank": 8, f"{SAMPLER}.target_rank": 4},
    ),
    "never_allocate": (PROMOTER, {f"{SAMPLER}.interval": 1_000_000_000}),
    "fixed_steps": (MARKS, {f"{SAMPLER}.schedule_steps": 7485}),
    "one_mask": (
        MARKS,
        {
            f"{SAMPLER}.interval": 5000,
            f"{SAMPLER}.warmup_fraction": 0.02673,
            f"{SAMPLER}.final_fraction": 0.02673,
        },
    ),
    "every_50_steps": (MARKS, {f"{SAMPLER}.act_every_steps": 50}),
    "sampling_rule": (
        MARKS,
        {
            f"{SAMPLER}.variant": "released_code",
            f"{SAMPLER}.drop_probability": 0.1,
            f"{SAMPLER}.regrow_probability": 0.1,
        },
    ),
    "domain": (MARKS, {"task.domain": "DNA Promoter"}),
    "seed": (MARKS, {"seed": 42, "data.seed": 42, f"{SAMPLER}.seed": 42}),
    "notebook_sample": (PROMOTER, {"trainer.limit_train_batches": 0.01}),
    "two_gpus": (HUMAN, {"data.batch_size": 16}),
    "run_to_the_end": (HUMAN, {"callbacks.early_stopping.patience": 1_000_000_000}),
}
SCRIPTS = {"train_llm": PROMOTER, "domain_script": MARKS, "multilabel_script": HUMAN}
# The notebook's; the others come from what LINGO released.
OF_NO_SCRIPT = {"notebook_sample", "sampling_rule"}


def of_preset(where: tuple[str, str], *overrides: str) -> dict[str, Any]:
    return composed(f"experiment={where[0]}", f"task={where[1]}", *overrides)


def flat(config: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{above}{name}.")
        elif not above.startswith("protocol"):
            found[above + name] = value
    return found


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    one, other = flat(before), flat(after)
    assert set(one) == set(other)
    return {key: other[key] for key in one if one[key] != other[key]}


def test_every_file_is_tested() -> None:
    files = {file.stem for file in Path(config_dir(), "released").glob("*.yaml")}
    assert files == SWITCHES.keys() | SCRIPTS.keys()


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_changes_its_own_keys_alone(name: str) -> None:
    where, expected = SWITCHES[name]
    config = of_preset(where, f"released=[{name}]")
    assert differences(of_preset(where), config) == expected
    assert list(config["protocol"]["released"]) == [name]
    check_settings(config)


@pytest.mark.parametrize(("name", "where"), SCRIPTS.items())
def test_a_script_is_its_switches_together(name: str, where: tuple[str, str]) -> None:
    config = of_preset(where, "method=adalora", f"released={name}")
    switches = list(config["protocol"]["released"])
    together = of_preset(where, "method=adalora", f"released=[{','.join(switches)}]")
    assert flat(config) == flat(together)
    assert config["eval"]["choose_on"] == "test"
    check_settings(config)


def test_each_switch_of_the_scripts_belongs_to_one() -> None:
    used = {
        switch
        for name, where in SCRIPTS.items()
        for switch in of_preset(where, "method=adalora", f"released={name}")["protocol"]["released"]
    }
    assert used == SWITCHES.keys() - OF_NO_SCRIPT


@pytest.mark.parametrize(
    ("released", "task", "tokens", "epochs"),
    [
        ("[max_length,epochs]", "prom_all", 70, 4),
        ("[max_length,epochs]", "core_tata", 20, 10),
        ("[max_length_domain,epochs_domain]", "core_all", 512, 5),
    ],
)
def test_numbers_by_task(released: str, task: str, tokens: int, epochs: int) -> None:
    config = of_preset(("paper_promoters", task), "model=opt_350m", f"released={released}")
    assert config["model"]["max_tokens"] == tokens
    assert config["trainer"]["max_epochs"] == epochs
