"""Every model yaml with a source, read by its hub id from a cache without network.

The checkpoints are small and random, but have the names of keys and the config.json of the
published ones: those of the language models they were trained as, q, k and v in one matrix where
they were published so, model_type and code of the repository as stated there.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from huggingface_hub import save_torch_state_dict
from safetensors.torch import save_file
from torch import Tensor

from dnaft.errors import InputError
from dnaft.models.architecture import build_config
from dnaft.models.native import register
from small_models import MODELS, built, composed, model_node, shrink

REPOSITORY = Path(__file__).parents[2]
NAMES = [
    name
    for name in MODELS
    if composed(name).model.get("architecture")
    and ":" not in (composed(name).model.source or ":")  # those with it come in a package
]
FAMILIES = {model_node(name)["architecture"]["model_type"]: name for name in reversed(NAMES)}
IDS = torch.arange(5, 19).reshape(2, 7) % 7 + 5  # no special ids, below the smallest vocabulary
CAUSAL = ("opt", "llama", "hyenadna")
# What the published config.json has beside the fields of `architecture`.
STATED: dict[str, dict[str, Any]] = {
    "bert": {
        "model_type": "bert",
        "architectures": ["BertForMaskedLM"],
        "auto_map": {"AutoModel": "dnabert_layer.BertModel"},
        "do_sample": False,
        "max_length": 20,
        "num_rnn_layer": 1,
        "pruned_heads": {},
        "rnn": "lstm",
        "split": 10,
        "torchscript": False,
    },
    "esm": {"model_type": "esm", "architectures": ["EsmForMaskedLM"], "esmfold_config": None},
    "opt": {"model_type": "opt", "architectures": ["OPTForCausalLM"], "torch_dtype": "float16"},
    "llama": {
        "model_type": "llama",
        "architectures": ["GENERatorForCausalLM"],
        "auto_map": {"AutoModelForCausalLM": "modeling_generator.GENERatorForCausalLM"},
        "rope_scaling": None,
        "rope_theta": 500000.0,
        "torch_dtype": "float32",
    },
    "dnabert2": {
        "model_type": "bert",
        "alibi_starting_size": 512,
        "auto_map": {"AutoModel": "bert_layers.BertModel"},
        "max_position_embeddings": 512,
    },
    "nt_v2": {
        "model_type": "esm",
        "auto_map": {"AutoModel": "modeling_esm.EsmModel"},
        "esmfold_config": None,
    },
    "gena_lm": {
        "model_type": "bert",
        "architectures": ["BertForMaskedLM"],
        "auto_map": {"AutoModel": "modeling_bert.BertForMaskedLM"},
        "pre_layer_norm": True,
        "position_embedding_type": "absolute",
    },
    "modernbert_split": {
        "model_type": "modernbert",
        "architectures": ["ModernBertForMaskedLM"],
        "global_attn_every_n_layers": 3,
        "global_rope_theta": 160000.0,
        "local_rope_theta": 10000.0,
        "reference_compile": None,
    },
    "hyenadna": {
        "model_type": "hyenadna",
        "auto_map": {"AutoModel": "modeling_hyena.HyenaDNAModel"},
    },
}
LOAD = """
import json, sys
import torch
from dnaft.config import build
from dnaft.errors import InputError

answers = []
nodes, ids = json.load(open(sys.argv[1]))
ids = torch.tensor(ids)
for node in nodes:
    try:
        backbone = build(node, "model").eval()
    except InputError as error:
        answers.append({"error": str(error)})
        continue
    with torch.no_grad():
        answers.append({"hidden": backbone.encode(ids, torch.ones_like(ids)).tolist()})
json.dump(answers, open(sys.argv[2], "w"))
"""


def small(name: str) -> dict[str, Any]:
    return shrink(model_node(name)["architecture"])


def published_config(name: str) -> dict[str, Any]:
    """What config.json of the repository says."""
    architecture = small(name)
    kind = architecture.pop("model_type")
    if kind == "llama":
        del architecture["rope_parameters"]  # older than this field
    if name == "gena_lm_large_t2t":
        del architecture["last_layer_norm"]  # not stated there; the code then takes true
    return architecture | STATED[kind]


def original(name: str) -> tuple[Tensor, dict[str, Tensor]]:
    """Hidden states and weights of the language model, under the names of the publication."""
    register()
    torch.manual_seed(7)
    config = build_config(small(name))
    kind = config.model_type
    if kind == "modernbert_split":
        stated = {
            key: value for key, value in published_config(name).items() if key != "model_type"
        }
        model: Any = transformers.ModernBertForMaskedLM(transformers.ModernBertConfig(**stated))
    else:
        auto = transformers.AutoModelForCausalLM if kind in CAUSAL else None
        model = (auto or transformers.AutoModelForMaskedLM).from_config(config)
    model.eval()
    with torch.no_grad():
        hidden = model.base_model(IDS, attention_mask=torch.ones_like(IDS)).last_hidden_state
    weights = fused({key: value.clone() for key, value in model.state_dict().items()})
    width = config.hidden_size
    if kind == "bert":
        weights["bert.pooler.dense.weight"] = torch.zeros(width, width)
        weights["bert.pooler.dense.bias"] = torch.zeros(width)
    if kind in ("bert", "gena_lm"):
        places = torch.arange(config.max_position_embeddings)
        weights["bert.embeddings.position_ids"] = places.unsqueeze(0)
    if name == "opt_125m":  # saved without its language-model head
        del weights["lm_head.weight"]
        weights = {key.removeprefix("model."): value for key, value in weights.items()}
    return hidden, weights


def fused(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Put q, k and v of one map on top of each other."""
    together: dict[str, Tensor] = {}
    for key, value in weights.items():
        parts = key.rsplit(".", 2)
        if len(parts) == 3 and parts[1] in ("q", "k", "v"):
            key = f"{parts[0]}.{parts[2]}"
            value = torch.cat([together[key], value]) if key in together else value
        together[key] = value
    return together


def snapshot(home: Path, source: str, revision: str | None) -> Path:
    """Return the folder in which the hub's cache keeps a repository."""
    repository = home / "hub" / f"models--{source.replace('/', '--')}"
    branch = revision or "main"
    commit = branch if len(branch) == 40 else hashlib.sha1(branch.encode()).hexdigest()
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / branch).write_text(commit)
    folder = repository / "snapshots" / commit
    folder.mkdir(parents=True)
    return folder


Answers = dict[str, tuple[Tensor, dict[str, Any]]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Hidden states of the writer, and what a process without network reads, for each case.

    It is one process for all, as it takes seconds to start.
    """
    home = tmp_path_factory.mktemp("home")
    expected: dict[str, Tensor] = {}
    nodes: dict[str, dict[str, Any]] = {}

    def add(case: str, name: str, source: str, **changes: Any) -> Path:
        node = model_node(name)
        nodes[case] = node | {"source": source, "max_tokens": 32} | changes
        expected[case] = hidden
        folder = snapshot(home, source, node["revision"])
        (folder / "config.json").write_text(json.dumps(published_config(name)))
        return folder

    for name in NAMES:
        hidden, weights = original(name)
        folder = add(f"safe {name}", name, model_node(name)["source"])
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        folder = add(f"pickled {name}", name, f"pickled/{name}")
        torch.save(weights, folder / "pytorch_model.bin")
        nodes[f"allowed {name}"] = nodes[f"pickled {name}"] | {"allow_pickle": True}
        expected[f"allowed {name}"] = hidden
    for name in FAMILIES.values():
        hidden, weights = original(name)
        folder = add(f"parts {name}", name, f"parts/{name}")
        save_torch_state_dict(weights, folder, max_shard_size="8KB")
        assert len(list(folder.glob("model-*.safetensors"))) > 2
    (home / "nodes.json").write_text(json.dumps([list(nodes.values()), IDS.tolist()]))
    command = [sys.executable, "-c", LOAD, str(home / "nodes.json"), str(home / "answers.json")]
    cleared = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    offline = {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, env=cleared | offline, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    read = json.loads((home / "answers.json").read_text())
    return {case: (expected[case], answer) for case, answer in zip(nodes, read, strict=True)}


def check(answers: Answers, case: str) -> None:
    expected, answer = answers[case]
    assert "error" not in answer, answer["error"]
    torch.testing.assert_close(torch.tensor(answer["hidden"]), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_safetensors_by_hub_id(answers: Answers, name: str) -> None:
    check(answers, f"safe {name}")


@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_safetensors_in_several_files(answers: Answers, name: str) -> None:
    check(answers, f"parts {name}")


@pytest.mark.parametrize("name", NAMES)
def test_pickled_weights_only_if_allowed(answers: Answers, name: str) -> None:
    refused = answers[f"pickled {name}"][1].get("error", "")
    assert f"pickled/{name} has pickled weights only (pytorch_model.bin)" in refused
    assert "set model.allow_pickle=true" in refused
    check(answers, f"allowed {name}")


def test_yamls_of_one_architecture_do_not_give_the_same_by_accident(answers: Answers) -> None:
    """Post- and pre-norm OPT, GENA-LM with and without its last norm."""
    for one, other in (("opt_125m", "opt_350m"), ("gena_lm_base_t2t", "gena_lm_base_lastln_t2t")):
        first, second = (answers[f"safe {name}"][0] for name in (one, other))
        assert first.shape != second.shape or not torch.allclose(first, second, atol=1e-3)


def test_dnabert_as_its_authors_gave_it_away_before_the_hub(tmp_path: Path) -> None:
    """The config.json of the authors' repository has no model_type; the yaml says it."""
    hidden, weights = original("dnabert6")
    stated = {key: value for key, value in published_config("dnabert6").items() if key in FIRST}
    (tmp_path / "config.json").write_text(json.dumps(stated))
    torch.save(weights, tmp_path / "pytorch_model.bin")
    node = model_node("dnabert6") | {"source": str(tmp_path), "revision": None, "max_tokens": 32}
    backbone = built(node | {"allow_pickle": True}).eval()
    with torch.no_grad():
        torch.testing.assert_close(backbone.encode(IDS, torch.ones_like(IDS)), hidden)
    with pytest.raises(InputError, match=r"model_type None, which .*architecture=\{model_type: be"):
        built(node | {"allow_pickle": True, "architecture": None})


FIRST = (
    "architectures",
    "attention_probs_dropout_prob",
    "hidden_dropout_prob",
    "hidden_size",
    "intermediate_size",
    "max_position_embeddings",
    "num_attention_heads",
    "num_hidden_layers",
    "type_vocab_size",
    "vocab_size",
)
