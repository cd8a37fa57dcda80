"""Tokenizers from the hub and its cache, and what is said when neither can be had."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers

from loopback_hub import COMMIT, serve

REPOSITORY = Path(__file__).parents[2]
LOAD = """
import json, sys, time
from dnaft.tokenizers.bpe import BpeTokenizer

answers = []
for source in sys.argv[1:]:
    begin = time.monotonic()
    try:
        tokenizer = BpeTokenizer(source)
        answer = {"ids": tokenizer.encode(["ACGA"]).ids.tolist(), "pad": tokenizer.pad_id}
    except ValueError as error:
        answer = {"error": str(error)}
    answers.append(answer | {"seconds": time.monotonic() - begin})
print(json.dumps(answers))
"""


def load_elsewhere(home: Path, *sources: str, **environment: str) -> list[dict[str, Any]]:
    """Load in a process of its own: the hub's client reads its environment when imported."""
    cleared = {
        k: v for k, v in os.environ.items() if "proxy" not in k.lower() and not k.startswith("HF_")
    }
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *sources],
        env=cleared | {"HF_HOME": str(home), "PYTHONPATH": str(REPOSITORY)} | environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return answers


def json_form() -> dict[str, bytes]:
    """A tokenizer.json whose padding token is named in tokenizer_config.json."""
    words = {t: i for i, t in enumerate(["[UNK]", "A", "C", "G", "T", "AC", "[FILL]"])}
    tokenizer = Tokenizer(models.BPE(words, [("A", "C")], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return {
        "tokenizer.json": tokenizer.to_str().encode(),
        "tokenizer_config.json": b'{"pad_token": "[FILL]"}',
    }


def opt_form() -> dict[str, bytes]:
    """The files of OPT's tokenizer: GPT-2's form, with </s> in front of every text."""
    words = {t: i for i, t in enumerate(["<s>", "<pad>", "</s>", "<unk>", *"ACGT", "AC"])}
    config = {
        "tokenizer_class": "GPT2Tokenizer",
        "add_bos_token": True,
        "add_prefix_space": False,
        "bos_token": "</s>",
        "eos_token": "</s>",
        "pad_token": "<pad>",
        "unk_token": "</s>",
    }
    return {
        "vocab.json": json.dumps(words).encode(),
        "merges.txt": b"#version: 0.2\nA C\n",
        "tokenizer_config.json": json.dumps(config).encode(),
        "config.json": b'{"model_type": "opt"}',
    }


def test_from_the_hub_then_from_its_cache(tmp_path: Path) -> None:
    files = {
        f"someone/{name}/resolve/main/{file}": content
        for name, form in (("json", json_form()), ("opt", opt_form()))
        for file, content in form.items()
    }
    files["someone/model/resolve/main/config.json"] = b'{"model_type": "opt"}'
    sources = ("someone/json", "someone/opt", "someone/model")
    with serve(files) as endpoint:
        online = load_elsewhere(tmp_path, *sources, HF_ENDPOINT=endpoint)
    without_network = load_elsewhere(tmp_path, *sources, HF_ENDPOINT="http://127.0.0.1:9")
    for in_json, as_opt, _ in (online, without_network):
        assert (in_json["ids"], in_json["pad"]) == ([5, 3, 1], 6)
        assert (as_opt["ids"], as_opt["pad"]) == ([2, 8, 6, 4], 1)
    lacking = "someone/model has none of: tokenizer.json, vocab.json with merges.txt, vocab.txt"
    assert lacking in online[2]["error"]
    assert "no answer from http://127.0.0.1:9" in without_network[2]["error"]


def test_half_a_vocabulary_in_the_cache_is_not_used(tmp_path: Path) -> None:
    repository = tmp_path / "hub" / "models--someone--opt"
    (repository / "snapshots" / COMMIT).mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    for name, content in opt_form().items():
        if name != "merges.txt":
            (repository / "snapshots" / COMMIT / name).write_bytes(content)
    (answer,) = load_elsewhere(tmp_path, "someone/opt", HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE forbids to ask the hub" in answer["error"]


def test_no_network(tmp_path: Path) -> None:
    (answer,) = load_elsewhere(tmp_path, "someone/dna", HF_ENDPOINT="http://127.0.0.1:9")
    assert answer["error"].startswith("no tokenizer 'someone/dna' on this disk, in the hub's cache")
    assert "no answer from http://127.0.0.1:9" in answer["error"]
    assert "(HF_HOME)" in answer["error"]
    assert "tokenizer.source=FOLDER" in answer["error"]
    assert answer["seconds"] < 60
