"""Every file of conf composes; its targets exist and take its arguments; nothing is unresolved."""

import functools
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from composing import composed
from conf_nodes import check_nodes
from dnaft.config import config_dir
from dnaft.optimization import AdamW
from dnaft.settings import MethodSettings, check_choices, check_settings
from dnaft.strategy import resolve_precision

CONF = Path(config_dir())
# Groups of `dnaft.pretrain` alone, which tests/pretraining composes, and Hydra's own.
ELSEWHERE = ("genome", "objective", "hydra")
GROUPS = sorted(
    folder.name for folder in CONF.iterdir() if folder.is_dir() and folder.name not in ELSEWHERE
)
FILES = [
    (group, file.stem)
    for group in GROUPS
    for file in sorted((CONF / group).glob("*.yaml"))
    if not file.stem.startswith("_")
]
METHODS = [name for group, name in FILES if group == "method"]
# What a choice cannot do without.
WITH = {
    ("task", "csv"): [f"task.source.{split}={split}.csv" for split in ("train", "dev", "test")],
    ("task", "bed"): ["task.source.genome=genome.fa"],
    ("tokenizer", "own"): ["model=opt_125m"],
    ("tokenizer", "own_by_base"): ["model=opt_125m"],
    ("tokenizer", "specieslm"): ["model=specieslm"],
    ("method", "lingo"): ["model=opt_125m"],
    ("released", "max_length"): ["task=h3"],
    ("released", "max_length_domain"): ["task=h3"],
    ("released", "epochs"): ["task=h3"],
    ("released", "epochs_domain"): ["task=h3"],
    ("released", "eval_steps"): ["task=h3"],
    ("released", "train_llm"): ["task=h3"],
    ("released", "domain_script"): ["task=h3"],
    ("released", "multilabel_script"): ["experiment=paper_human_histone"],
    ("released", "run_to_the_end"): ["experiment=paper_human_histone"],
    ("method", "peft"): ["method.peft_config._target_=peft.HRAConfig", "method.optimizer.lr=0.01"],
}


def choose(group: str, name: str) -> dict[str, Any]:
    return composed(f"{group}={name}", *WITH.get((group, name), []))


@functools.cache
def composed_groups() -> frozenset[str]:
    defaults = yaml.safe_load((CONF / "train.yaml").read_text())["defaults"]
    return frozenset(key for entry in defaults if isinstance(entry, dict) for key in entry)


def test_the_groups_are_those_of_train_yaml() -> None:
    assert set(GROUPS) == {g for g in composed_groups() if g.isalpha()}


@pytest.mark.parametrize(("group", "name"), FILES)
def test_file_composes_and_fits_what_it_builds(group: str, name: str) -> None:
    config = choose(group, name)
    check_settings(config)
    check_choices({group: name})
    config["trainer"] = resolve_precision(config["trainer"])
    for key, node in config.items():
        check_nodes(node, key)


@pytest.mark.parametrize(
    ("group", "name"), [f for f in FILES if f[0] in ("task", "model", "method")]
)
def test_name_is_that_of_the_file(group: str, name: str) -> None:
    assert choose(group, name)[group]["name"] == name


@pytest.mark.parametrize("name", METHODS)
def test_methods_have_the_same_keys(name: str) -> None:
    base = set(yaml.safe_load((CONF / "method" / "_base.yaml").read_text()))
    method = choose("method", name)["method"]
    own = {"rank", "peft_config"}
    assert set(method) - own == base == {f.name for f in fields(MethodSettings)} - own
    linear = [part for part in ("baseline", "probe") if method[part] is not None]
    if not linear:
        assert set(method["optimizer"]) - {"_target_"} <= {f.name for f in fields(AdamW)}
    else:
        assert len(linear) == 1
        assert method["inject"] is None
        assert method["optimizer"] is None
        assert ("_target_" in choose("method", name)["model"]) == (linear == ["probe"])


@pytest.mark.parametrize(
    "base", [f"{g}/{f.stem}" for g in GROUPS for f in sorted((CONF / g).glob("_*.yaml"))]
)
def test_bases_are_built_upon(base: str) -> None:
    group, name = base.split("/")
    others = [file for file in (CONF / group).glob("*.yaml") if file.stem != name]
    defaults = [yaml.safe_load(file.read_text()).get("defaults", []) for file in others]
    assert any(name in entries for entries in defaults)


def test_the_command_line_wins_over_what_a_model_prefers() -> None:
    assert composed("model=dnabert4")["tokenizer"]["k"] == 4
    assert composed("model=dnabert4", "tokenizer=kmer_5")["tokenizer"]["k"] == 5


def test_no_number_is_written_as_text() -> None:
    """YAML 1.1 reads 1e-3 as text; 1.0e-3 is the number."""
    for file in CONF.rglob("*.yaml"):
        for token in yaml.scan(file.read_text()):
            if isinstance(token, yaml.ScalarToken) and token.plain:
                assert (
                    not token.value[:1].isdigit() or "e-" not in token.value or "." in token.value
                )


@pytest.mark.parametrize(
    ("overrides", "rate"),
    [
        (["model=yeast_mini"], 0.01),
        (["model=tiny", "method=full"], 0.01),
        (["model=dnabert2"], None),
        (["model=dnabert2", "model.standardise_features=true"], None),
        (["model=yeast_mini", "method=linear_probe"], None),
        (["model=yeast_mini", "method.optimizer.head_lr=null"], None),
        (["model=yeast_mini", "method.optimizer.head_lr=0.2"], 0.2),
        (["experiment=paper_yeast", "task=h3", "model=yeast_mini"], None),
    ],
)
def test_a_head_on_standardised_features_has_a_rate_of_its_own(
    overrides: list[str], rate: float | None
) -> None:
    assert composed(*overrides)["method"]["optimizer"]["head_lr"] == rate
