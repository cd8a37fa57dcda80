"""Every choice of a pretraining composes, and its targets exist and take its arguments."""

from pathlib import Path

import pytest
import yaml

from composing import composed
from conf_nodes import check_nodes
from dnaft.config import config_dir
from dnaft.settings import check_choices, check_pretrain_settings

CONF = Path(config_dir())
GROUPS = ("genome", "objective", "tokenizer", "model", "logger")
FILES = [
    (group, file.stem)
    for group in GROUPS
    for file in sorted((CONF / group).glob("[!_]*.yaml"))
    if (group, file.stem) != ("model", "none")  # refused: there is nothing to train
]
WITH = {
    ("genome", "fasta"): ["genome.name=g", "genome.files=[g.fa]", "genome.dev=[chr1]"],
    ("tokenizer", "own"): ["model=opt_125m"],
    ("tokenizer", "own_by_base"): ["model=opt_125m"],
    ("tokenizer", "specieslm"): ["model=specieslm"],
}


@pytest.mark.parametrize(("group", "name"), FILES)
def test_file_composes_and_fits_what_it_builds(group: str, name: str) -> None:
    config = composed(f"{group}={name}", *WITH.get((group, name), []), of="pretrain")
    check_pretrain_settings(config)
    check_choices({group: name})
    for key, node in config.items():
        check_nodes(node, key)


def test_the_groups_are_those_of_pretrain_yaml() -> None:
    defaults = yaml.safe_load((CONF / "pretrain.yaml").read_text())["defaults"]
    named = {key for entry in defaults if isinstance(entry, dict) for key in entry}
    assert {key for key in named if not key.startswith("override")} == set(GROUPS)


@pytest.mark.parametrize("name", ["yeast", "yeast_annotated"])
def test_genomes_have_the_name_of_their_file(name: str) -> None:
    assert composed(f"genome={name}", of="pretrain")["genome"]["name"] == name


def test_the_numbers_of_bert() -> None:
    """15% of the tokens; 80% masked, 10% random, 10% as they are (arXiv:1810.04805)."""
    objective = composed("objective=masked", of="pretrain")["objective"]
    assert (objective["fraction"], objective["mask_share"], objective["random_share"]) == (
        0.15,
        0.8,
        0.1,
    )
