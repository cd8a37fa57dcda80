"""How many parameters each method trains: by pencil, and by the formulas of docs/methods.md."""

import re
from typing import Any

import pytest
from torch import nn

from dnaft.models.backbone import Backbone
from small_methods import METHODS, PROBES, adapted, plain, rows_of_docs
from small_models import SHAPES

# Of the small BERT, beside the head: width 16, inner width 24, two layers, 80 tokens, 64 positions,
# 2 segments; rank 3 (2 for lokr). A layer has 4 matrices of 16 x 16 with biases, 24 x 16, 16 x 24
# and two norms: 4 * 272 + 408 + 400 + 64 = 1960. The embeddings have 146 rows of 16 and a norm.
PENCIL = {
    "full": 2368 + 2 * 1960,
    "linear_probe": 0,
    "partial": 1960,  # the last layer
    "bitfit": 16 + 2 * (4 * 16 + 24 + 16 + 2 * 16),
    "lora": 2 * (4 * 3 * 32 + 2 * 3 * 40),
    "rslora": 1248,
    "loraplus": 1248,
    "qlora": 1248,
    "dora": 1248 + 2 * (4 * 16 + 24 + 16),
    "adalora": 1248 + 2 * 6 * 3,
    "adalora_rs": 1284,
    "lingo": 1284,
    "ia3": 2 * (16 + 16 + 24),
    "loha": 2 * 1248,
    # 16 = 4 * 4 and 24 = 4 * 6: C has 4 x 4 entries, D of a square matrix has 4 x 4, D of the
    # others is 6 x 2 times 2 x 4.
    "lokr": 2 * (4 * (16 + 16) + 2 * (16 + 2 * (6 + 4))),
    "vera": 2 * (6 * 3 + 4 * 16 + 24 + 16),
    "bottleneck": 2 * (2 * (2 * 5 * 16 + 5 + 16) + 2 * 32),
    # Three learned positions; networks of inner width 7.
    "prompt_tuning": 3 * 16,
    "p_tuning": 3 * 16 + (16 * 7 + 7) + (7 * 7 + 7) + (7 * 16 + 16),
    "p_tuning_v2": 2 * 2 * 3 * 16,
    "prefix_tuning": 3 * 16 + (16 * 7 + 7) + (7 * 64 + 64),
    "peft": 2 * 2 * (5 * 16 + 24),  # HRA: two vectors of the inputs' width a matrix
}


def factors(number: int) -> tuple[int, int]:
    """The two factors of a number that differ least, the smaller one first."""
    small = max(i for i in range(1, int(number**0.5) + 1) if number % i == 0)
    return small, number // small


def of_the_whole(backbone: Backbone, family: str) -> dict[str, Any]:
    """What the formulas call parts of the model, counted by name and by module."""
    sizes = {n: p.numel() for n, p in backbone.named_parameters() if "task_head" not in n}
    layers = [sum(s for n, s in sizes.items() if f".{name}." in n) for name in backbone.layer_names]
    last = sum(s for n, s in sizes.items() if "layer_norm_after" in n or "project_out" in n)
    biases = sum(s for n, s in sizes.items() if n.endswith(".bias") and "contact_head" not in n)
    norms = [
        sum(p.numel() for p in module.parameters())
        for name, module in backbone.named_modules()
        if isinstance(module, nn.LayerNorm) and any(f".{n}." in name for n in backbone.layer_names)
    ]
    return {
        "everything": sum(sizes.values()),
        "layer": layers[-1],
        "behind": last,
        "biases": biases,
        "norms": sum(norms),
        "layers": backbone.layers,
        "embedding": backbone.trunk.get_input_embeddings().weight.shape[1],  # type: ignore[operator]
        "width": backbone.hidden_size if family != "opt" else 16,
    }


def by_formula(cell: str, name: str, family: str) -> int:
    """Evaluate what the docs say; `a matrix` sums over the adapted matrices."""
    backbone = plain(family)
    _, method = adapted(name, family)
    names = method["inject"] | of_the_whole(backbone, family)
    total = 0
    for formula, scope in re.findall(r"`([^`]+)` (a matrix|in all)", cell):
        if scope == "in all":
            total += eval(formula, {"__builtins__": {}}, names)
            continue
        for target in backbone.target_modules(method["inject"]["target_roles"]):
            matrix: Any = backbone.model.get_submodule(target)
            (a, b), (c, d) = factors(matrix.out_features), factors(matrix.in_features)
            of_matrix = {
                "d_in": matrix.in_features,
                "d_out": matrix.out_features,
                "role": backbone.matrices[target][1],
                "max": max,
            } | {"a": a, "b": b, "c": c, "d": d}
            total += eval(formula, {"__builtins__": {}}, names | of_matrix)
    return total


def count(name: str, family: str) -> int:
    """Parameters that train beside the head."""
    backbone, _ = adapted(name, family)
    return sum(
        p.numel()
        for n, p in backbone.named_parameters()
        if p.requires_grad and "task_head" not in n
    )


@pytest.mark.parametrize("name", METHODS)
def test_of_a_small_bert_as_many_train_as_by_pencil(name: str) -> None:
    assert count(name, "bert") == PENCIL[name]


@pytest.mark.parametrize("family", SHAPES)
@pytest.mark.parametrize("name", METHODS)
def test_as_many_train_as_the_formula_of_the_docs_says(name: str, family: str) -> None:
    if name == "peft":
        pytest.skip("as many as the configuration asks for")
    assert count(name, family) == by_formula(rows_of_docs()[name][2], name, family)


def test_the_head_trains_with_every_method() -> None:
    for name in METHODS:
        backbone, _ = adapted(name, "bert")
        head = [p for n, p in backbone.named_parameters() if "task_head" in n and p.requires_grad]
        assert sum(p.numel() for p in head) == 16 + 1, name


def test_the_docs_list_every_method_and_no_other() -> None:
    assert set(rows_of_docs()) == {*METHODS, *PROBES}
