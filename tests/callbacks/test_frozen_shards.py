"""Frozen weights parted among two processes: the outputs and gradients of one."""

import json
from pathlib import Path

import pytest
import torch
from torch.multiprocessing.spawn import start_processes

from dnaft.callbacks.frozen_shards import find_parted
from dnaft.errors import InputError
from shard_program import work
from small_methods import METHODS, adapted, plain

# One of each architecture.
MODELS = (
    "dnabert2", "gena_lm_base", "generator_eukaryote_1b2", "hyenadna_tiny_1k", "moderngena_base",
    "nt_2b5_multi_species", "nt_v2_50m", "nucleotide_unet", "opt_350m", "yeast_mini",
)  # fmt: skip


def check(folder: Path, cases: list[tuple[str, str]]) -> None:
    start_processes(work, (2, folder, cases), nprocs=2, start_method="spawn")
    first, second = (json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1))
    for _, name in cases:
        for found in (first[name], second[name]):
            assert found["logits"] < 1e-9, name
            assert found["gradients"] < 1e-9, name
            assert found["largest"] > 1e-6, f"{name}: there is nothing to compare"
            assert found["all"] > 0
            assert found["here"] < 0.75 * found["all"], name
        assert first[name]["here"] + second[name]["here"] == first[name]["all"], name


@pytest.mark.timeout(300)
def test_every_method_computes_as_in_one_process(tmp_path: Path) -> None:
    check(tmp_path, [("method", name) for name in METHODS if name != "full"])


@pytest.mark.timeout(300)
def test_every_model_computes_as_in_one_process(tmp_path: Path) -> None:
    check(tmp_path, [("model", name) for name in MODELS])


def test_what_cannot_be_parted_is_refused() -> None:
    trained = adapted("full", "bert")[0]
    with pytest.raises(InputError, match="this method trains all layers; take ddp"):
        find_parted(trained)

    quantised = adapted("lora", "bert")[0]
    bits = torch.nn.Parameter(torch.zeros(3, dtype=torch.uint8), requires_grad=False)
    quantised.trunk.get_submodule("encoder.layer.1").register_parameter("bits", bits)
    with pytest.raises(InputError, match="cannot part weights of four bits"):
        find_parted(quantised)

    unknown = plain("bert")
    unknown.layer_names = []
    with pytest.raises(InputError, match="small bert does not say which it has"):
        find_parted(unknown)


def test_what_layers_share_stays_whole() -> None:
    backbone = adapted("lora", "bert")[0]
    first, second = (backbone.trunk.get_submodule(name) for name in backbone.layer_names)
    shared = first.output.LayerNorm.bias
    second.output.LayerNorm.bias = shared
    for layer, whole in find_parted(backbone):
        trained = {p for p in layer.parameters() if p.requires_grad}
        assert whole == trained | {shared}
