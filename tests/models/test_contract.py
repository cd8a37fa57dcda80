"""What every model yaml promises, at a small size with random weights."""

import copy
import functools
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from omegaconf import OmegaConf

from dnaft.config import build
from dnaft.export_run import export
from dnaft.methods.lora import inject_lora
from dnaft.models.architecture import build_config, positions
from dnaft.models.backbone import ROLES, Backbone
from dnaft.models.native import NATIVE, register
from dnaft.record import RunRecord, read
from dnaft.saved_run import BASE, load_exported, load_model, save_base, save_model
from small_models import MODELS, built, composed, model_node, small_node

# Caduceus is built by the code of its repository, on CUDA alone.
OF_THE_HUB = [name for name in MODELS if "requires" in composed(name).model]
BUILT_HERE = [name for name in MODELS if composed(name).model.get("architecture") is not None]
# The first yaml of each architecture.
FAMILIES = {model_node(name)["architecture"]["model_type"]: name for name in reversed(BUILT_HERE)}
every_model = pytest.mark.parametrize("name", BUILT_HERE)

# Why hidden states of real tokens change when padding stands on the left.
COUNTS_PADDING = {
    "bert": "learnt positions are those in the padded row",
    "gena_lm": "learnt positions are those in the padded row",
}
ROWS, TOKENS, PADS = 4, 13, 5


def model_type(name: str) -> str:
    kind: str = model_node(name)["architecture"]["model_type"]
    return kind


def fresh(name: str, outputs: int = 2) -> Backbone:
    torch.manual_seed(5)
    backbone = built(small_node(name))
    backbone.attach_head(outputs, positions=TOKENS + PADS)
    for parameter, weights in backbone.head.named_parameters():
        if parameter == "by_position.weights":
            torch.nn.init.normal_(weights, std=0.02)  # zero at first, so that nothing flows back
    return backbone


@functools.cache
def batch(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows without padding, of ids that are not special."""
    vocabulary = small_node(name)["architecture"]["vocab_size"]
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(5, vocabulary, (ROWS, TOKENS), generator=generator)
    return ids, torch.ones_like(ids)


def padded(name: str, side: str) -> tuple[torch.Tensor, torch.Tensor, slice]:
    """The same rows with padding; which places are real."""
    ids, mask = batch(name)
    pad = build_config(small_node(name)["architecture"]).pad_token_id
    pads = torch.full((len(ids), PADS), 0 if pad is None else pad)
    if side == "right":
        real = slice(TOKENS)
        ids, mask = torch.cat([ids, pads], 1), torch.cat([mask, torch.zeros_like(pads)], 1)
    else:
        real = slice(PADS, None)
        ids, mask = torch.cat([pads, ids], 1), torch.cat([torch.zeros_like(pads), mask], 1)
    return ids, mask, real


def adapt(backbone: Backbone) -> None:
    """LoRA on all roles; B is zero at first, and then lets no gradient through to A."""
    torch.manual_seed(4)
    roles = tuple(dict.fromkeys(role for _, role in backbone.matrices.values()))
    inject_lora(backbone, rank=2, alpha=2, target_roles=roles)
    generator = torch.Generator().manual_seed(2)
    for parameter_name, parameter in backbone.named_parameters():
        if "lora_B" in parameter_name:
            parameter.data.normal_(std=0.1, generator=generator)


def gradients(backbone: Backbone, name: str) -> dict[str, torch.Tensor]:
    """Gradients of a loss in training mode, under dropout drawn alike each time."""
    torch.manual_seed(3)
    backbone.train()
    backbone.zero_grad()
    labels = torch.arange(ROWS) % 2
    torch.nn.functional.cross_entropy(backbone(*batch(name)), labels).backward()
    return {n: p.grad.clone() for n, p in backbone.named_parameters() if p.grad is not None}


@every_model
def test_roles_are_all_six_and_find_one_matrix_a_layer(name: str) -> None:
    backbone = built(small_node(name))
    assert set(small_node(name)["roles"]) == set(ROLES)
    assert len(backbone.matrices) == len(ROLES) * backbone.layers
    modules = dict(backbone.model.named_modules())
    assert {type(modules[matrix]) for matrix in backbone.matrices} == {torch.nn.Linear}


@every_model
def test_shape_of_hidden_states_and_batch_of_one(name: str) -> None:
    backbone = fresh(name, outputs=3).double().eval()
    with torch.no_grad():
        hidden = backbone.encode(*batch(name))
        one = backbone.encode(*(tensor[:1] for tensor in batch(name)))
        assert backbone(*batch(name)).shape == (ROWS, 3)
    assert hidden.shape == (ROWS, TOKENS, backbone.hidden_size)
    assert hidden.dtype == torch.float64
    assert torch.isfinite(hidden).all()
    assert hidden.std() > 1e-3
    torch.testing.assert_close(hidden[:1], one, rtol=0, atol=1e-6)


@every_model
@pytest.mark.parametrize("side", ["right", "left"])
def test_padding_changes_no_real_token(name: str, side: str) -> None:
    backbone = built(small_node(name)).double().eval()
    ids, mask, real = padded(name, side)
    with torch.no_grad():
        short, long = backbone.encode(*batch(name)), backbone.encode(ids, mask)[:, real]
    difference = float((short - long).abs().max())
    if side == "left" and model_type(name) in COUNTS_PADDING:
        assert difference > 1e-3, "take it out of COUNTS_PADDING"
    else:
        # transformers takes rotary angles and ESM's share of masked tokens in float32.
        assert difference < 2e-6


@every_model
def test_lora_on_all_roles_trains_adapters_and_head_alone(name: str) -> None:
    backbone = fresh(name)
    adapt(backbone)
    found = gradients(backbone, name)
    trained = {n for n, p in backbone.named_parameters() if p.requires_grad}
    assert set(found) == trained
    assert all("lora_" in n or "task_head" in n for n in trained)
    adapters = [n for n in trained if "lora_" in n]
    assert len(adapters) == 2 * len(ROLES) * backbone.layers
    for parameter, gradient in found.items():
        assert torch.isfinite(gradient).all(), parameter
        assert gradient.abs().max() > 0, parameter


@every_model
def test_gradient_checkpointing_gives_the_same_gradients(name: str) -> None:
    backbone = fresh(name)
    matrix = backbone.model.get_submodule(next(iter(backbone.matrices)))
    passes: list[int] = []
    matrix.register_forward_hook(lambda *_: passes.append(1))
    plain = gradients(backbone, name)
    assert len(passes) == 1
    trunk: Any = backbone.model
    trunk.gradient_checkpointing_enable()
    again = gradients(backbone, name)
    assert len(passes) == 3, "the layer was not computed a second time for its gradients"
    assert plain.keys() == again.keys()
    for parameter, gradient in plain.items():
        torch.testing.assert_close(again[parameter], gradient, rtol=1e-5, atol=1e-7, msg=parameter)


@every_model
def test_bfloat16_stays_close_to_float32(name: str) -> None:
    """Under autocast, as precision bf16-mixed runs it, and with the weights rounded, too."""
    exact = fresh(name).eval()
    reference = gradients(exact.eval(), name)
    rounded = copy.deepcopy(exact).bfloat16()
    with torch.no_grad():
        want = exact.eval().encode(*batch(name))
        with torch.autocast("cpu", torch.bfloat16):
            mixed = exact.encode(*batch(name)).float()
        pure = rounded.eval().encode(*batch(name)).float()
    for got in (mixed, pure):
        assert torch.isfinite(got).all()
        assert torch.cosine_similarity(got.flatten(), want.flatten(), dim=0) > 0.99
    with torch.autocast("cpu", torch.bfloat16):
        found = gradients(exact, name)
    assert found.keys() == reference.keys()
    flat = [torch.cat([g[n].flatten() for n in reference]) for g in (found, reference)]
    assert torch.isfinite(flat[0]).all()
    assert torch.cosine_similarity(*flat, dim=0) > 0.95


def leave_run(name: str, method: str, folder: Path) -> Backbone:
    """Write what a finished run leaves; return its model."""
    backbone = fresh(name)
    if method == "lora":
        save_base(backbone, folder / BASE)
        adapt(backbone)
    save_model(backbone, folder)
    RunRecord(
        task="a task",
        model=name,
        method=method,
        seed=1,
        config={
            "model": small_node(name),
            "method": {"name": method, "quantise": None},
            "task": {"outputs": 2},
        },
        code_version="0",
        data={"tokens": {"train": {"max": TOKENS + PADS}}},
        parameters={"trainable": 1, "total": 1, "fraction": 1.0},
        scores={"dev": {}, "test": {}},
        chosen={"step": 1, "metric": "mcc", "value": 0.0},
        timing={"seconds": 1.0},
    ).write(folder / "result.json")
    return backbone.eval()


@every_model
@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_saved_run_gives_the_same_logits(name: str, method: str, tmp_path: Path) -> None:
    backbone = leave_run(name, method, tmp_path)
    loaded, _ = load_model(tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(loaded(*batch(name)), backbone(*batch(name)))


@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_an_exported_run_gives_the_same_logits(name: str, tmp_path: Path) -> None:
    """Also of architectures whose q, k and v are apart here and one matrix in the file."""
    backbone = leave_run(name, "lora", tmp_path / "run")
    with torch.no_grad():
        for merge in (False, True):
            out = export(tmp_path / "run", merge, tmp_path / f"merge {merge}")
            exported = load_exported(read(tmp_path / "run" / "result.json"), out)
            assert hasattr(exported.model, "peft_config") != merge
            found, want = exported(*batch(name)), backbone(*batch(name))
            torch.testing.assert_close(found, want, rtol=1e-5, atol=1e-5)


@every_model
def test_max_tokens_fit_the_positions_of_the_whole_architecture(name: str) -> None:
    register()
    node = model_node(name)
    config = build_config(node["architecture"])
    room = positions(config)
    table = getattr(config, "max_position_embeddings", None)  # DNABERT-2 has none
    limit = room or table or node["max_tokens"]
    assert node["max_tokens"] <= limit


@every_model
def test_longest_input_in_bases(name: str) -> None:
    """max_bp fills max_tokens where tokens stand for a fixed number of bases, else is null."""
    node = model_node(name)
    tokenizer = tokenizer_of(name)
    if tokenizer is None:
        assert node["max_bp"] is None or "species" in composed(name).tokenizer
        return
    if node["max_bp"] is None:
        return
    sequence = "ACGT" * (node["max_bp"] // 4 + 2)
    assert tokenizer.longest_prefix(sequence, node["max_tokens"]) == node["max_bp"]


@every_model
def test_the_tokenizer_fits_the_embedding(name: str) -> None:
    tokenizer = tokenizer_of(name)
    if tokenizer is None:
        return  # from the hub; run.py compares it with the model that is loaded
    unused = model_node(name)["architecture"]["vocab_size"] - tokenizer.vocab_size
    assert 0 <= unused < 8
    assert 0 <= tokenizer.pad_id < tokenizer.vocab_size
    assert build_config(model_node(name)["architecture"]).pad_token_id == tokenizer.pad_id


def tokenizer_of(name: str) -> Any:
    """The tokenizer of a model, None if it comes with the model from the hub."""
    node: Any = OmegaConf.to_container(composed(name).tokenizer, resolve=True)
    if node.get("source") is not None and not node["source"].startswith("package:"):
        return None
    return build(node, "tokenizer")


def test_every_yaml_carries_its_architecture_and_every_architecture_has_a_yaml() -> None:
    assert set(BUILT_HERE) | set(OF_THE_HUB) == set(MODELS)
    assert set(NATIVE) <= set(FAMILIES)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_a_compiled_model_gives_the_same_logits_and_gradients(name: str) -> None:
    backbone = fresh(name)
    adapt(backbone)
    with torch.no_grad():
        want = backbone.eval()(*batch(name))
    state = copy.deepcopy(backbone.state_dict())
    want_gradients = gradients(backbone, name)
    backbone.load_state_dict(state)  # running statistics of the head, where it has some
    torch.compiler.reset()
    backbone.compile(backend="aot_eager")  # traces as the default does, without a C++ compiler
    with torch.no_grad():
        torch.testing.assert_close(backbone.eval()(*batch(name)), want, rtol=1e-4, atol=1e-5)
    if small_node(name)["architecture"].get("hidden_dropout_prob", 0.0) == 0.0:
        for parameter, gradient in gradients(backbone, name).items():
            torch.testing.assert_close(
                gradient, want_gradients[parameter], rtol=1e-3, atol=1e-5, msg=parameter
            )


@functools.cache
def rows_of_docs() -> dict[str, list[str]]:
    text = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row for row in rows}


@pytest.mark.parametrize("name", MODELS)
def test_docs_say_of_a_model_what_its_yaml_says(name: str) -> None:
    node = model_node(name)
    _, source, licence, _, tokens, bases, _ = rows_of_docs()[name]
    assert source == (f"`{node['source']}`" if node["source"] else "random weights")
    assert licence == (node["licence"] or "-")
    assert tokens == f"{node['max_tokens']:,}"
    assert bases == (f"{node['max_bp']:,}" if node["max_bp"] else "-")


def test_docs_list_no_other_models() -> None:
    assert set(rows_of_docs()) == set(MODELS)


@pytest.mark.slow
@every_model
def test_docs_say_how_many_parameters_the_whole_architecture_has(name: str) -> None:
    register()
    config = build_config(model_node(name)["architecture"])
    with torch.device("meta"):
        model = transformers.AutoModel.from_config(config)
    pooler = sum(p.numel() for n, p in model.named_parameters() if n.startswith("pooler."))
    millions = (sum(p.numel() for p in model.parameters()) - pooler) / 1e6
    digits = 0 if millions >= 10 else 1
    assert rows_of_docs()[name][3] == f"{millions:,.{digits}f} M"
