"""method=qlora: a frozen model in four bits, where bitsandbytes is at hand; else a refusal."""

import json
from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import nn
from transformers import AutoModel, BertConfig, BertForMaskedLM, BitsAndBytesConfig

from dnaft.config import build
from dnaft.errors import InputError
from dnaft.export import Settings, check
from dnaft.export_run import DESCRIPTION, export
from dnaft.models.quantise import check_quantised, keep_unpacked, numel
from dnaft.saved_probe import load_probe
from dnaft.saved_run import ADAPTER, BASE, load_model, save_base
from small_methods import IDS, MASK, method_config
from small_models import built, small_node
from small_runs import Command, result

AT_HAND = find_spec("bitsandbytes") is not None
needs_package = pytest.mark.skipif(not AT_HAND, reason="bitsandbytes is not installed")
MODELS = ["tiny", "nt_500m_1000g", "dnabert2", "opt_125m", "generator_eukaryote_1b2"]


def quantised(name: str, folder: Path, kind: str = "nf4") -> Any:
    """A model written to a folder, and read again in four bits."""
    plain = built(small_node(name))
    save_base(plain, folder)
    again = built({**small_node(name), "source": str(folder), "quantise": kind})
    return plain.eval(), again.eval()


def unpacked(weight: Any) -> torch.Tensor:
    """The weights that four bits stand for."""
    import bitsandbytes

    back: torch.Tensor = bitsandbytes.functional.dequantize_4bit(weight.data, weight.quant_state)
    return back


@pytest.mark.skipif(AT_HAND, reason="bitsandbytes is installed")
def test_without_the_package_qlora_is_refused_before_any_download(
    train: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """The model is one that no hub has, and it is not asked for."""
    with pytest.raises(SystemExit, match="2"):
        train("method=qlora", "model.source=nobody/nothing", "progress=false")
    message = capsys.readouterr().err
    assert "method.quantise: this method needs the package bitsandbytes" in message
    assert "pip install 'dnaft[quantised]'" in message
    assert "nobody/nothing" not in message
    with pytest.raises(InputError, match="bitsandbytes"):
        check_quantised("nf4", "some/model")


@needs_package
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("kind", ["nf4", "fp4"])
def test_the_matrices_of_the_roles_and_no_others_have_four_bits(
    name: str, kind: str, tmp_path: Path
) -> None:
    plain, again = quantised(name, tmp_path, kind)
    packed = {n for n, p in again.model.named_parameters() if not p.is_floating_point()}
    assert packed == {f"{matrix}.weight" for matrix in again.matrices}
    for (_, mine), (_, theirs) in zip(
        again.model.named_parameters(), plain.model.named_parameters(), strict=True
    ):
        assert numel(mine) == theirs.numel()
        if mine.is_floating_point():
            assert torch.equal(mine, theirs)
        else:
            rounded = unpacked(mine)
            assert not torch.equal(rounded, theirs)
            theirs.data = rounded
    ids = IDS % 5 + 3
    with torch.no_grad():
        torch.testing.assert_close(again.encode(ids, MASK), plain.encode(ids, MASK))


@needs_package
def test_nf4_rounds_to_the_levels_of_the_paper(tmp_path: Path) -> None:
    """Appendix E prints 16 levels; a block of 64 weights is scaled by its largest."""
    plain, again = quantised("tiny", tmp_path)
    name = next(iter(again.matrices))
    back = unpacked(again.model.get_submodule(name).weight)
    block = plain.model.get_submodule(name).weight.detach().flatten()[:64]
    levels = torch.tensor(
        [-1.0, -0.6961928, -0.5250730, -0.3949175, -0.2844414, -0.1847734, -0.0910500, 0.0,
         0.0795803, 0.1609302, 0.2461123, 0.3379152, 0.4407098, 0.5626170, 0.7229568, 1.0]
    )  # fmt: skip
    scaled = block / block.abs().max()
    rounded = levels[(scaled[:, None] - levels).abs().argmin(dim=1)] * block.abs().max()
    # The scales are kept in eight bits, so not to the last digit.
    torch.testing.assert_close(back.flatten()[:64], rounded, rtol=0.05, atol=1e-4)


@needs_package
def test_scoring_computes_what_training_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a processor with AVX512-BF16, too, for which bitsandbytes has a form of its own."""
    monkeypatch.setattr("bitsandbytes.nn.modules.has_avx512bf16", lambda: True)
    _, backbone = quantised("tiny", tmp_path)
    ids = IDS % 5 + 3
    trained = backbone.train().encode(ids, MASK)
    with torch.no_grad():
        scored = backbone.eval().encode(ids, MASK)
    assert torch.equal(trained, scored)
    backbone.train().encode(ids, MASK).sum().backward()


@needs_package
@pytest.mark.parametrize(
    "method", ["lora", "dora", "adalora_rs", "vera", "ia3", "bottleneck", "bitfit", "prompt_tuning"]
)
def test_methods_train_on_four_bits(method: str, tmp_path: Path) -> None:
    _, backbone = quantised("dnabert2", tmp_path)
    backbone.attach_head(1)
    build(method_config(method)["inject"], "method.inject")(backbone)
    frozen = {n: p.clone() for n, p in backbone.named_parameters() if not p.requires_grad}
    trained = [p for p in backbone.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        backbone.train()(IDS % 5 + 3, MASK).sum().backward()
        optimizer.step()
    assert all(p.grad is not None for p in trained)
    assert all(torch.equal(p, frozen[n]) for n, p in backbone.named_parameters() if n in frozen)


@needs_package
@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("full", "the matrices are kept in four bits, which do not train"),
        ("partial", "the matrices are kept in four bits, which do not train"),
        ("loha", "LoHaConfig does not work on matrices in four bits"),
        ("lokr", "LoKrConfig does not work on matrices in four bits"),
    ],
)
def test_methods_that_need_plain_weights_are_refused(
    method: str, message: str, tmp_path: Path
) -> None:
    _, backbone = quantised("tiny", tmp_path)
    backbone.attach_head(1)
    with pytest.raises(InputError, match=f"method.inject: {message}"):
        build(method_config(method)["inject"], "method.inject")(backbone)


@needs_package
def test_layers_are_probed_in_four_bits(train: Command, tmp_path: Path) -> None:
    source = tmp_path / "source"
    save_base(built(small_node("tiny", max_tokens=64)), source)
    settings = [
        "model=tiny",
        f"model.source={source}",
        "model.max_tokens=64",
        "trainer.accelerator=cpu",
    ]
    plain, four_bits = (
        train("method=layer_probe", "progress=false", *settings, *more)
        for more in ([], ["method.quantise=nf4"])
    )
    found = result(four_bits)
    assert found["parameters"] == result(plain)["parameters"]
    assert found["chosen"]["dev_scores"]["0"] == result(plain)["chosen"]["dev_scores"]["0"]
    exact, rounded = (load_probe(folder, 2)[0] for folder in (plain, four_bits))
    assert {m for m, p in rounded.backbone.model.named_parameters() if not p.is_floating_point()}
    assert not torch.equal(exact(IDS % 5 + 3, MASK), rounded(IDS % 5 + 3, MASK))


def qlora_run(train: Command, source: Path) -> Path:
    """A run on a model in full precision, which is written to a folder first."""
    save_base(built(small_node("tiny", max_tokens=64)), source)
    return train(
        "method=qlora", "method.rank=4", "model=tiny", f"model.source={source}",
        "model.max_tokens=64", "trainer.max_epochs=1", "trainer.accelerator=cpu", "progress=false",
    )  # fmt: skip


@needs_package
def test_a_run_keeps_the_adapter_alone_and_loads_again(train: Command, tmp_path: Path) -> None:
    source = tmp_path / "source"
    folder = qlora_run(train, source)
    found = result(folder)
    assert found["config"]["method"]["quantise"] == "nf4"
    plain = built(small_node("tiny", max_tokens=64))
    plain.attach_head(1)
    adapter = 2 * 4 * (4 * (16 + 16) + 2 * (16 + 24))  # two layers, rank 4
    assert found["parameters"]["trainable"] == adapter + 17
    weights = sum(p.numel() for p in plain.parameters())
    # The head is there twice: PEFT keeps the one that it was given.
    assert found["parameters"]["total"] == weights + adapter + 17
    assert not (folder / BASE).exists()
    checkpoint = torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)
    names = checkpoint["state_dict"].keys()
    assert not [n for n in names if "lora" not in n and "task_head" not in n and "dev" not in n]

    backbone, _ = load_model(folder)
    base = built({**small_node("tiny"), "source": str(source), "quantise": "nf4"})
    base.attach_head(1)  # its weights come with the adapter
    trunk: Any = base.model
    again = PeftModel.from_pretrained(trunk, str(folder / ADAPTER)).eval()
    with torch.no_grad():
        hidden = again(input_ids=IDS % 60 + 5, attention_mask=MASK).last_hidden_state
        torch.testing.assert_close(backbone.encode(IDS % 60 + 5, MASK), hidden)


@needs_package
def test_an_exported_adapter_says_how_to_load_its_base(
    train: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As docs/export.md has it; on the base as it is the logits are others."""
    run = qlora_run(train, tmp_path / "source")
    with pytest.raises(InputError, match=r"quantised \(method.quantise=nf4\)"):
        check(Settings(run, merge=True, out=tmp_path / "merged"))
    folder = export(run, merge=False, out=tmp_path / "exported")
    assert "a base model in four bits (nf4): load it with 'quantisation'" in capsys.readouterr().out
    head = json.loads((folder / DESCRIPTION).read_text())
    assert head["base"] == str(tmp_path / "source")
    backbone, _ = load_model(run)
    ids = IDS % 60 + 5
    logits = []
    for settings in (head["quantisation"], None):
        base = AutoModel.from_pretrained(
            head["base"],
            dtype=torch.float32,
            quantization_config=settings and BitsAndBytesConfig(**settings),
        )
        keep_unpacked(base)
        packed = {n for n, p in base.named_parameters() if not p.is_floating_point()}
        assert packed == ({f"{m}.weight" for m in backbone.matrices} if settings else set())
        layers = {"norm": nn.BatchNorm1d(16, affine=False), "linear": nn.Linear(16, 1)}
        base.task_head = nn.Sequential(OrderedDict(layers))
        model = PeftModel.from_pretrained(base, str(folder)).eval()
        with torch.no_grad():
            hidden = model(input_ids=ids, attention_mask=MASK).last_hidden_state
            logits.append(base.task_head(hidden.mean(dim=1)))
    with torch.no_grad():
        want = backbone(ids, MASK)
    torch.testing.assert_close(logits[0], want, rtol=1e-5, atol=1e-5)
    assert (logits[1] - want).abs().max() > 1e-4


@needs_package
def test_rounding_is_not_counted_as_forgetting(train: Command, tmp_path: Path) -> None:
    """A linear probe forgets nothing; in four bits it begins with another language model."""
    torch.manual_seed(5)
    shape = {
        "vocab_size": 69,
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
        "initializer_range": 0.3,
    }
    BertForMaskedLM(BertConfig(**shape)).save_pretrained(tmp_path / "bert")
    settings = [
        "method=linear_probe", "model=tiny", f"model.source={tmp_path / 'bert'}",
        "model.max_tokens=64", "eval.mlm=true", "trainer.max_steps=1", "trainer.accelerator=cpu",
        "progress=false",
    ]  # fmt: skip
    plain, four_bits = (
        result(train(*settings, *more))["forgetting"] for more in ([], ["method.quantise=nf4"])
    )
    assert plain["after"] == plain["before"]
    assert four_bits["after"] == four_bits["before"]
    assert abs(four_bits["before"]["loss"] - plain["before"]["loss"]) > 1e-4
