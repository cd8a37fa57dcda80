"""Checkpoints from folders, the hub's cache and the hub; and what is said about bad ones."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
import yaml
from safetensors.torch import load_file, save_file

from dnaft.errors import InputError
from dnaft.models.backbone import Backbone
from loopback_hub import COMMIT, serve
from small_models import SHAPES, small_backbone

REPOSITORY = Path(__file__).parents[2]
CONF = REPOSITORY / "conf" / "model"
HEADS = {"bert": "BertForMaskedLM", "esm": "EsmForMaskedLM", "opt": "OPTForCausalLM"}
IDS = torch.arange(5, 23).reshape(2, 9)
LOAD = """
import json, sys, time
import torch
from dnaft.errors import InputError
from dnaft.models.load import load_backbone

answers = []
for arguments in json.loads(sys.argv[1]):
    begin = time.monotonic()
    try:
        backbone = load_backbone("a model", {}, "mean", 64, **arguments).eval()
    except InputError as error:
        answer = {"error": str(error)}
    else:
        with torch.no_grad():
            ids = torch.arange(5, 23).reshape(2, 9)
            answer = {"hidden": backbone.encode(ids, torch.ones_like(ids)).tolist()}
    answers.append(answer | {"seconds": time.monotonic() - begin})
print(json.dumps(answers))
"""
CUSTOM = """
import os, pathlib
from transformers import BertConfig, BertModel
pathlib.Path(os.environ["DNAFT_TEST_MARKER"]).touch()
class Config(BertConfig):
    model_type = "my_model"
class Model(BertModel):
    config_class = Config
"""


def load(source: str | Path | None, family: str = "bert", **changes: Any) -> Backbone:
    file = CONF / f"_{family}.yaml"
    roles = yaml.safe_load(file.read_text()).get("roles")
    roles = roles or yaml.safe_load((CONF / "_bert.yaml").read_text())["roles"]
    changes = {"architecture": None, "source": source and str(source)} | changes
    return small_backbone(family, roles, "mean", **changes)


def load_elsewhere(
    home: Path, *arguments: dict[str, Any], **environment: str
) -> list[dict[str, Any]]:
    """Load in a process of its own: the hub's client reads its environment when imported.

    Returns hidden states or the error, and the seconds it took, for each call's arguments.
    """
    cleared = {
        k: v for k, v in os.environ.items() if "proxy" not in k.lower() and not k.startswith("HF_")
    }
    done = subprocess.run(
        [sys.executable, "-c", LOAD, json.dumps(arguments)],
        env=cleared | {"HF_HOME": str(home), "PYTHONPATH": str(REPOSITORY)} | environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return answers


def hidden_states(model: Any) -> torch.Tensor:
    with torch.no_grad():
        hidden: torch.Tensor = model.eval()(
            input_ids=IDS, attention_mask=torch.ones_like(IDS)
        ).last_hidden_state
    return hidden


def encode(backbone: Backbone) -> torch.Tensor:
    with torch.no_grad():
        return backbone.eval().encode(IDS, torch.ones_like(IDS))


def save(folder: Path, family: str = "bert", head: bool = False, **options: Any) -> torch.Tensor:
    """Write a model with random weights as transformers does; return its hidden states."""
    fields = dict(SHAPES[family])
    config = transformers.AutoConfig.for_model(fields.pop("model_type"), **fields)
    torch.manual_seed(7)
    if head:
        model: Any = getattr(transformers, HEADS[family])(config)
    else:
        model = transformers.AutoModel.from_config(config)
    model.save_pretrained(folder, **options)
    return hidden_states(model.base_model)


def pickle_weights(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def edit_config(folder: Path, **fields: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


@pytest.mark.parametrize("head", [False, True])
@pytest.mark.parametrize("family", SHAPES)
def test_a_folder_gives_the_hidden_states_it_was_saved_with(
    family: str, head: bool, tmp_path: Path
) -> None:
    """With a language model's head and prefix, or without; OPT projects 16 to 12."""
    expected = save(tmp_path, family, head)
    prefixes = {name.partition(".")[0] for name in load_file(tmp_path / "model.safetensors")}
    assert bool(prefixes & {"bert", "esm", "model"}) == head
    backbone = load(tmp_path, family)
    assert torch.equal(encode(backbone), expected)
    assert backbone.hidden_size == expected.shape[-1] == (12 if family == "opt" else 16)
    assert {p.dtype for p in backbone.parameters()} == {torch.float32}


def test_weights_in_half_precision_become_float32(tmp_path: Path) -> None:
    save(tmp_path)
    file = tmp_path / "model.safetensors"
    save_file({k: v.half() for k, v in load_file(file).items()}, file, {"format": "pt"})
    edit_config(tmp_path, dtype="float16")
    assert {p.dtype for p in load(tmp_path).parameters()} == {torch.float32}


def test_weights_in_several_files(tmp_path: Path) -> None:
    expected = save(tmp_path, max_shard_size="8KB")
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 2
    assert torch.equal(encode(load(tmp_path)), expected)
    shards[1].unlink()
    with pytest.raises(InputError, match=rf"lacks {shards[1].name}, which model\.safetensors\.in"):
        load(tmp_path)


def test_an_index_may_name_only_safetensors_beside_it(tmp_path: Path) -> None:
    save(tmp_path, max_shard_size="8KB")
    index = tmp_path / "model.safetensors.index.json"
    for name in ("weights.bin", "../other.safetensors"):
        index.write_text(json.dumps({"weight_map": {"a": name}}))
        with pytest.raises(InputError, match=rf"names '{name}', which is no \.safetensors file"):
            load(tmp_path)
    index.write_text("[]")
    with pytest.raises(InputError, match=r"is no index of weights; get a whole copy"):
        load(tmp_path)


def test_the_home_folder_may_be_written_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = save(tmp_path / "my_model")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert torch.equal(encode(load("~/my_model")), expected)


def test_missing_folder_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"model\.source: there is no folder {tmp_path}/no; che"):
        load(tmp_path / "no")
    with pytest.raises(InputError, match=r"model\.source: there is no folder a/b/c; check"):
        load("a/b/c")
    with pytest.raises(InputError, match=r"has no config\.json; give a folder that transformers'"):
        load(tmp_path)
    save(tmp_path)
    with pytest.raises(InputError, match=r"config\.json is a file; give the folder that holds it"):
        load(tmp_path / "config.json")
    (tmp_path / "model.safetensors").rename(tmp_path / "other.safetensors")
    message = rf"^model\.source: {tmp_path} holds no weights: model\.safetensors is missing$"
    with pytest.raises(InputError, match=message):
        load(tmp_path)


def test_pickled_weights_are_read_only_if_allowed(tmp_path: Path) -> None:
    expected = save(tmp_path)
    pickle_weights(tmp_path)
    with pytest.raises(
        InputError, match=r"pickled weights only \(pytorch_model\.bin\).*model\.allo"
    ):
        load(tmp_path)
    assert torch.equal(encode(load(tmp_path, allow_pickle=True)), expected)


def test_a_pickle_never_runs_code(tmp_path: Path) -> None:
    marker = tmp_path / "marker"

    class Bomb:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
            return open, (str(marker), "w")

    save(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save({"embeddings.word_embeddings.weight": Bomb()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(
        InputError, match=r"model\.source: cannot load .*\(Weights only load failed"
    ):
        load(tmp_path, allow_pickle=True)
    assert not marker.exists()


def test_a_checkpoint_without_some_weights_is_refused(tmp_path: Path) -> None:
    save(tmp_path)
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    lost = "encoder.layer.1.attention.self.query"
    kept = {name: weight for name, weight in weights.items() if lost not in name}
    save_file(kept, file, {"format": "pt"})
    with pytest.raises(InputError, match=rf"lacks 2 of the weights .*{lost}\.bias among them"):
        load(tmp_path)


def test_weights_of_another_shape_and_damaged_files(tmp_path: Path) -> None:
    save(tmp_path)
    edit_config(tmp_path, intermediate_size=20)
    with pytest.raises(InputError, match=r"cannot load .*Check that config\.json belongs to these"):
        load(tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"cannot load .*and that all files are whole$"):
        load(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config\.json is no JSON object"):
        load(tmp_path)


def test_an_architecture_that_transformers_does_not_know(tmp_path: Path) -> None:
    save(tmp_path)
    edit_config(tmp_path, model_type="my_model")
    with pytest.raises(InputError, match=r"model_type 'my_model', which transformers does not kno"):
        load(tmp_path)


@pytest.mark.parametrize("family", SHAPES)
def test_more_tokens_than_positions(family: str) -> None:
    """All three have room for 64 tokens: ESM's table has 66 rows, two of them unused."""
    backbone = load(None, family, architecture=SHAPES[family], max_tokens=64)
    ids = torch.full((1, 64), 5)
    assert backbone.encode(ids, torch.ones_like(ids)).shape[1] == 64
    with pytest.raises(InputError, match=r"model\.max_tokens: 65 are more .* set it to 64 or less"):
        load(None, family, architecture=SHAPES[family], max_tokens=65)


def test_code_of_a_checkpoint_runs_only_if_trusted(tmp_path: Path) -> None:
    """A known architecture is loaded without the code, an unknown one is refused."""
    marker = tmp_path / "marker"
    for name in ("bert", "my_model"):
        expected = save(tmp_path / name)
        (tmp_path / name / "custom.py").write_text(CUSTOM)
        auto_map = {"AutoConfig": "custom.Config", "AutoModel": "custom.Model"}
        edit_config(tmp_path / name, auto_map=auto_map, model_type=name)
    known, unknown = {"source": str(tmp_path / "bert")}, {"source": str(tmp_path / "my_model")}
    environment = {"DNAFT_TEST_MARKER": str(marker)}
    first, second = load_elsewhere(tmp_path / "home", known, unknown, **environment)
    assert first["hidden"] == expected.tolist()
    assert "read it, then set model.trust_remote_code=true to run it" in second["error"]
    assert not marker.exists()
    trusted = unknown | {"trust_remote_code": True}
    (third,) = load_elsewhere(tmp_path / "home", trusted, **environment)
    assert marker.exists(), "else the assertion above proves nothing"
    assert third["hidden"] == expected.tolist()


def test_a_hub_id_from_a_cache_without_network(tmp_path: Path) -> None:
    repository = tmp_path / "hub" / "models--someone--dna"
    expected = save(repository / "snapshots" / COMMIT, max_shard_size="8KB")
    (repository / "refs").mkdir()
    for branch in ("main", "release"):
        (repository / "refs" / branch).write_text(COMMIT)
    arguments = [{"source": "someone/dna", "revision": r} for r in (None, "release", COMMIT)]
    answers = load_elsewhere(tmp_path, *arguments, HF_ENDPOINT="http://127.0.0.1:9")
    assert [answer["hidden"] for answer in answers] == [expected.tolist()] * 3


def test_hub_ids_from_the_hub_then_from_its_cache(tmp_path: Path) -> None:
    expected = save(tmp_path / "whole")
    save(tmp_path / "parts", max_shard_size="8KB")
    save(tmp_path / "pickled")
    pickle_weights(tmp_path / "pickled")
    files = {
        f"someone/{file.parent.name}/resolve/main/{file.name}": file.read_bytes()
        for file in tmp_path.glob("*/*")
    }
    arguments: list[dict[str, Any]] = [
        {"source": "someone/whole"},
        {"source": "someone/parts"},
        {"source": "someone/pickled"},
        {"source": "someone/pickled", "allow_pickle": True},
        {"source": "someone/none"},
    ]
    home = tmp_path / "home"
    with serve(files) as endpoint:
        online = load_elsewhere(home, *arguments, HF_ENDPOINT=endpoint)
    offline = load_elsewhere(home, *arguments, HF_HUB_OFFLINE="1")
    for whole, parts, refused, pickled, _ in (online, offline):
        assert whole["hidden"] == parts["hidden"] == pickled["hidden"] == expected.tolist()
        assert "someone/pickled has pickled weights only (pytorch_model.bin)" in refused["error"]
    assert "model someone/none has no config.json" in online[-1]["error"]
    assert "no config.json of someone/none, and HF_HUB_OFFLINE" in offline[-1]["error"]


def test_no_network(tmp_path: Path) -> None:
    """What was tried and how to go on, within seconds, also if the hub never answers."""
    arguments = {"source": "someone/dna"}
    (refused,) = load_elsewhere(tmp_path, arguments, HF_ENDPOINT="http://127.0.0.1:9")
    assert "no answer from http://127.0.0.1:9" in refused["error"]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        endpoint = f"http://127.0.0.1:{listening.getsockname()[1]}"
        (silent,) = load_elsewhere(tmp_path, arguments, HF_ENDPOINT=endpoint)
    assert f"no answer from {endpoint}" in silent["error"]
    for answer in (refused, silent):
        assert answer["error"].startswith("model.source: no model someone/dna")
        assert "model.source=FOLDER" in answer["error"]
        assert "(HF_HOME)" in answer["error"]
        assert answer["seconds"] < 60  # 6 by design, the rest for a busy machine
