"""Mamba models: what they need is checked first; padding and strands; weights from a folder.

mamba_ssm runs on a GPU alone. A small model that reads in both directions stands in for the code
of the hub repositories, with what makes theirs special: no padding, twice the channels, tied
weights, and a construction that transformers 5 does not accept.
"""

import json
import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PretrainedConfig

from dnaft.config import build, config_dir, register_schema
from dnaft.errors import InputError
from dnaft.models.caduceus import CaduceusEncoder
from dnaft.models.mamba import load_caduceus
from dnaft.models.pooling import pool
from dnaft.models.requirements import require

REPOSITORY = Path(__file__).parents[2]
CONF = REPOSITORY / "conf" / "model"
YAMLS = sorted(f.stem for f in CONF.glob("*caduceus_*.yaml"))
CODE = """
import mamba_ssm
import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithNoAttention


class Config(PretrainedConfig):
    model_type = "caduceus"

    def __init__(self, d_model=6, n_layer=2, vocab_size=12, rcps=False, **rest):
        super().__init__(**rest)
        self.d_model, self.n_layer, self.vocab_size, self.rcps = d_model, n_layer, vocab_size, rcps


class Direction(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.in_proj = nn.Linear(width, width, bias=False)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x):
        return self.out_proj(torch.tanh(self.in_proj(x)).cumsum(dim=1))


class Mixer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.mamba_fwd, self.mamba_rev = Direction(width), Direction(width)
        self.mamba_rev.in_proj.weight = self.mamba_fwd.in_proj.weight

    def forward(self, x):
        return x + self.mamba_fwd(x) + self.mamba_rev(x.flip(1)).flip(1)


class Model(PreTrainedModel):
    config_class = Config

    def __init__(self, config, **rest):
        super().__init__(config)
        self.backbone = nn.Module()
        self.backbone.embeddings = nn.Module()
        self.backbone.embeddings.word_embeddings = nn.Embedding(16, config.d_model)
        self.backbone.layers = nn.ModuleList(Mixer(config.d_model) for _ in range(config.n_layer))

    def forward(self, input_ids=None, inputs_embeds=None, output_hidden_states=None,
                return_dict=None):
        x = self.backbone.embeddings.word_embeddings(input_ids)
        for layer in self.backbone.layers:
            x = layer(x)
        return BaseModelOutputWithNoAttention(last_hidden_state=x) if return_dict else x
"""
LOAD = """
import json, sys
import torch
from dnaft.errors import InputError
from dnaft.models.mamba import load_caduceus
from dnaft.saved_run import save_base

answers = []
ids = torch.arange(5, 11).reshape(1, 6)
for source, saved in json.loads(sys.argv[1]):
    try:
        backbone = load_caduceus("toy", source, "mean", 64, {}, trust_remote_code=True)
    except InputError as error:
        answers.append(str(error))
        continue
    with torch.no_grad():
        answers.append(backbone.encode(ids, torch.ones_like(ids)).tolist())
    if saved:
        backbone.attach_head(1)
        save_base(backbone, saved)
print(json.dumps(answers))
"""


def node(name: str) -> dict[str, Any]:
    register_schema()
    with initialize_config_dir(config_dir(), version_base="1.3"):
        config = compose("train", overrides=[f"model={name}"])
    plain: Any = OmegaConf.to_container(config.model, resolve=True, throw_on_missing=True)
    composed: dict[str, Any] = plain
    return composed


def installed(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / name).mkdir()
    (folder / name / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(folder))


def test_there_are_yamls_and_all_say_what_they_need() -> None:
    assert len(YAMLS) >= 4
    for name in YAMLS:
        assert node(name)["requires"] == ["mamba_ssm"], name


@pytest.mark.skipif(find_spec("mamba_ssm") is not None, reason="mamba_ssm is installed")
@pytest.mark.parametrize("name", YAMLS)
def test_a_missing_package_is_said_before_any_download(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: asked.append(address))
    with pytest.raises(InputError) as refused:
        build(node(name), "model")
    message = str(refused.value)
    assert "needs the package mamba_ssm, which is not installed" in message
    assert "CUDA kernels" in message
    assert "pip install --no-build-isolation 'dnaft[mamba]'" in message
    assert "Otherwise: model=hyenadna_small_32k" in message
    assert asked == []


def test_the_models_named_instead_exist() -> None:
    for name in ("hyenadna_small_32k", "dnabert2"):
        assert (CONF / f"{name}.yaml").is_file()


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_missing_gpu_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed("mamba_ssm", tmp_path, monkeypatch)
    with pytest.raises(InputError, match=r"model\.requires: this model needs a GPU, and torch see"):
        require(["mamba_ssm"])


def test_nothing_required_and_unknown_packages() -> None:
    require([])
    with pytest.raises(ValueError, match="nothing is known of package 'mambo'; there is mamba_ssm"):
        require(["mambo"])


def test_code_is_not_run_untrusted() -> None:
    message = r"model\.trust_remote_code: m is built by code .*some/model, revision abc\); read it"
    with pytest.raises(InputError, match=message):
        load_caduceus("m", "some/model", "mean", 64, {}, revision="abc")
    with pytest.raises(ValueError, match="max_tokens must be 1 or more, got 0"):
        load_caduceus("m", "some/model", "mean", 0, {})


class Sums(nn.Module):
    """Each token: its embedding, times sums over the tokens to its left and to its right."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.embeddings = nn.Module()
        self.backbone.embeddings.word_embeddings = nn.Embedding(12, width)

    def one_strand(self, ids: Tensor) -> Tensor:
        x: Tensor = self.backbone.get_submodule("embeddings.word_embeddings")(ids)
        left = x.cumsum(1)
        return x + left * 0.3 + (left[:, -1:] - left) * torch.arange(x.shape[-1])

    def forward(self, ids: Tensor, **_: Any) -> tuple[Tensor]:
        return (self.one_strand(ids),)


class BothStrands(Sums):
    """The same for both strands: position and channels of the other in reverse order."""

    def forward(self, ids: Tensor, **_: Any) -> tuple[Tensor]:
        other = self.one_strand(reverse_complement(ids)).flip(1, 2)
        return (torch.cat([self.one_strand(ids), other], dim=-1),)


def reverse_complement(ids: Tensor) -> Tensor:
    """A 7, C 8, G 9, T 10; any other id is its own complement."""
    return torch.where((ids >= 7) & (ids <= 10), 17 - ids, ids).flip(1)


def encoder(trunk: Sums, rcps: bool) -> CaduceusEncoder:
    config = PretrainedConfig()
    config.d_model, config.n_layer, config.rcps = 6, 1, rcps
    return CaduceusEncoder(config, trunk).double()


def test_padding_on_either_side_changes_nothing() -> None:
    torch.manual_seed(0)
    model = encoder(Sums(6), rcps=False)
    rows = [torch.randint(7, 11, (length,)) for length in (5, 3, 8, 5, 1)]
    ids = torch.full((5, 8), 4)
    mask = torch.zeros(5, 8, dtype=torch.int64)
    for i, row in enumerate(rows):
        begin = 8 - len(row) if i % 2 else 0
        ids[i, begin : begin + len(row)] = row
        mask[i, begin : begin + len(row)] = 1
    got = model(ids, mask).last_hidden_state
    for i, row in enumerate(rows):
        alone = model(row[None]).last_hidden_state[0]
        torch.testing.assert_close(got[i][mask[i].bool()], alone, rtol=0, atol=1e-12)
    assert not got[mask == 0].any()
    got.square().sum().backward()
    assert model.get_input_embeddings().get_parameter("weight").grad is not None
    with pytest.raises(ValueError, match="marks no token at all"):
        model(ids, torch.zeros_like(mask))


def test_either_strand_gives_the_same_means() -> None:
    torch.manual_seed(0)
    ids = torch.randint(7, 12, (3, 9))
    mask = torch.ones_like(ids)
    means = {}
    for rcps, trunk in ((True, BothStrands(6)), (False, Sums(6))):
        model = encoder(trunk, rcps)
        hidden = model(ids, mask).last_hidden_state
        assert hidden.shape == (3, 9, 6)
        other = model(reverse_complement(ids), mask).last_hidden_state
        means[rcps] = (pool(hidden, mask, "mean"), pool(other, mask, "mean"))
    torch.testing.assert_close(*means[True], rtol=0, atol=1e-12)
    assert not torch.allclose(*means[False], atol=1e-3)


def toy(folder: Path, weights: dict[str, Tensor], **fields: Any) -> str:
    folder.mkdir()
    (folder / "toy_code.py").write_text(CODE)
    auto_map = {"AutoConfig": "toy_code.Config", "AutoModel": "toy_code.Model"}
    config = {"model_type": "caduceus", "auto_map": auto_map, "d_model": 6, "n_layer": 2, **fields}
    (folder / "config.json").write_text(json.dumps(config))
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return str(folder)


def test_weights_from_a_folder(tmp_path: Path) -> None:
    """With or without the prefix of a language model; tied weights once; then saved and read."""
    (tmp_path / "mamba_ssm").mkdir()
    (tmp_path / "mamba_ssm" / "__init__.py").touch()
    torch.manual_seed(3)
    bare: dict[str, Tensor] = {"backbone.embeddings.word_embeddings.weight": torch.randn(16, 6)}
    for layer in range(2):
        mixer = f"backbone.layers.{layer}"
        bare[f"{mixer}.mamba_fwd.in_proj.weight"] = torch.randn(6, 6)
        for way in ("fwd", "rev"):
            bare[f"{mixer}.mamba_{way}.out_proj.weight"] = torch.randn(6, 6)
            bare[f"{mixer}.mamba_{way}.out_proj.bias"] = torch.randn(6)
    headed = {f"caduceus.{k}": v for k, v in bare.items()} | {"lm_head.weight": torch.zeros(16, 6)}
    lost = {k: v for k, v in bare.items() if k != "backbone.layers.1.mamba_rev.out_proj.bias"}
    saved = str(tmp_path / "saved")
    sources = [
        (toy(tmp_path / "bare", bare), saved),
        (toy(tmp_path / "headed", headed), None),
        (saved, None),
        (toy(tmp_path / "lost", lost), None),
        (toy(tmp_path / "wide", bare, d_model=8), None),
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")} | {
        "HF_HOME": str(tmp_path / "home"),
        "PYTHONPATH": f"{REPOSITORY}:{tmp_path}",
    }
    done = subprocess.run(
        [sys.executable, "-c", LOAD, json.dumps(sources)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    first, second, again, incomplete, unfit = json.loads(done.stdout.splitlines()[-1])
    want = by_hand(bare).tolist()
    assert torch.tensor(first).sub(torch.tensor(want)).abs().max() < 1e-4
    assert first == second == again
    assert "lacks 1 of the weights" in incomplete
    assert "backbone.layers.1.mamba_rev.out_proj.bias among them" in incomplete
    assert "do not fit its config.json" in unfit
    assert len(load_file(tmp_path / "saved" / "model.safetensors")) == len(bare)


def by_hand(w: dict[str, Tensor]) -> Tensor:
    x = w["backbone.embeddings.word_embeddings.weight"][torch.arange(5, 11)]
    for layer in range(2):
        mixer = f"backbone.layers.{layer}.mamba_"
        total = x
        for way, turn in (("fwd", False), ("rev", True)):
            u = torch.tanh(x @ w[f"{mixer}fwd.in_proj.weight"].T)
            u = u.flip(0).cumsum(0).flip(0) if turn else u.cumsum(0)
            total = (
                total + u @ w[f"{mixer}{way}.out_proj.weight"].T + w[f"{mixer}{way}.out_proj.bias"]
            )
        x = total
    return x[None]
