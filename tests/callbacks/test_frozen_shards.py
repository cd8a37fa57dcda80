"""Frozen weights parted among two processes: the outputs and gradients of one."""

import json
from pathlib import Path

import pytest
from torch.multiprocessing.spawn import start_processes

from dnaft.callbacks.frozen_shards import FrozenShards
from dnaft.errors import InputError
from dnaft.methods.parted import find_parted
from shard_program import work
from small_methods import METHODS, adapted, plain

# One of each architecture.
MODELS = (
    "dnabert2", "gena_lm_base", "generator_eukaryote_1b2", "hyenadna_tiny_1k", "moderngena_base",
    "nt_2b5_multi_species", "nt_v2_50m", "nucleotide_unet", "opt_350m",
)  # fmt: skip


def check(folder: Path, cases: list[tuple[str, str]], tolerance: float = 1e-9) -> None:
    start_processes(work, (2, folder, cases), nprocs=2, start_method="spawn")
    first, second = (json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1))
    for name in (f"{kind} {name}" for kind, name in cases):
        for found in (first[name], second[name]):
            assert found["logits"] < tolerance, name
            assert found["gradients"] < tolerance, name
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


@pytest.mark.timeout(300)
def test_layers_computed_twice_are_those_of_one_process(tmp_path: Path) -> None:
    check(tmp_path, [("twice", name) for name in ("lora", "adalora_rs", "dora")])


@pytest.mark.timeout(300)
def test_bfloat16_products_are_those_of_one_process(tmp_path: Path) -> None:
    # Every process rounds the same float32 numbers; sums over the processes are of float32.
    kinds = ("bfloat16", "twice, bfloat16")
    cases = [(kind, name) for kind in kinds for name in ("lora", "adalora_rs", "dora")]
    check(tmp_path, cases, tolerance=1e-6)


def test_what_cannot_be_parted_is_refused() -> None:
    trained = adapted("full", "bert")[0]
    with pytest.raises(InputError, match="this method trains those of all layers; take ddp"):
        FrozenShards(trained)

    unknown = plain("bert")
    unknown.layer_names = []
    with pytest.raises(InputError, match="small bert does not say which it has"):
        FrozenShards(unknown)


def test_what_layers_share_stays_whole_and_so_do_vectors_and_adapters() -> None:
    backbone = adapted("lora", "bert")[0]
    first, second = (backbone.trunk.get_submodule(name) for name in backbone.layer_names)
    shared = first.output.dense.base_layer.weight
    second.output.dense.base_layer.weight = shared
    frozen = second.attention.self.query.lora_B["default"].weight.requires_grad_(False)
    for layer, whole in find_parted(backbone):
        vectors = {p for p in layer.parameters() if p.dim() == 1}
        trained = {p for p in layer.parameters() if p.requires_grad}
        assert whole == trained | vectors | {shared} | ({frozen} if layer is second else set())
