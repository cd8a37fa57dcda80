"""Adapters load with transformers and PEFT alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dnaft.saved_run import save_model
from small_methods import IDS, MASK, METHODS, PROMPTS, adapted, logits, plain, train

# What is trained there is no adapter of PEFT's.
_OWN = ("full", "partial", "bitfit", "linear_probe", "bottleneck")
PEFT_METHODS = [name for name in METHODS if name not in _OWN]

# No dnaft in that process: transformers, peft and one line for the head.
FRESH = """
import json, sys, torch
from collections import OrderedDict
from peft import PeftModel
from transformers import AutoModel

ids = torch.arange(5, 65).reshape(5, 12)
for folder, width, standardise in json.loads(sys.argv[1]):
    base = AutoModel.from_pretrained(folder + "/base")
    norm = {"norm": torch.nn.BatchNorm1d(width, affine=False)} if standardise else {}
    linear = {"linear": torch.nn.Linear(width, 1)}
    base.task_head = torch.nn.Sequential(OrderedDict(norm | linear))
    model = PeftModel.from_pretrained(base, folder + "/adapter").eval()
    with torch.no_grad():
        hidden = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        hidden = hidden[:, -ids.shape[1] :]  # behind the prompt, where there is one
        logits = base.task_head(hidden.mean(dim=1))
        print(json.dumps({"hidden": hidden.tolist(), "logits": logits.tolist()}))
"""


@pytest.mark.parametrize("name", ["lora", "adalora_rs"])
def test_an_adapter_says_which_revision_its_base_was(name: str, tmp_path: Path) -> None:
    backbone, _ = adapted(name, "bert")
    backbone.source, backbone.revision = "some/model", "abc1234"
    save_model(backbone, tmp_path)
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["revision"]) == ("some/model", "abc1234")


def test_a_fresh_process_with_plain_peft_gives_the_same_hidden_states_and_logits(
    tmp_path: Path,
) -> None:
    cases = [(method, "bert", False) for method in PEFT_METHODS]
    cases += [("adalora_rs", "opt", True), ("lora", "esm", False), ("ia3", "bert", True)]
    cases += [(name, "opt", False) for name in PROMPTS]
    expected: list[tuple[torch.Tensor, torch.Tensor]] = []
    folders = []
    for name, family, standardise in cases:
        folder = tmp_path / f"{name}-{family}-{standardise}"
        folder.mkdir()
        backbone, method = adapted(name, family, folder / "base", standardise)
        train(backbone, method, steps=12)
        save_model(backbone, folder)
        with torch.no_grad():
            hidden = backbone.eval().encode(IDS, MASK)
            before = plain(family, standardise).encode(IDS, MASK)
        assert (hidden - before).abs().max() > 1e-3, f"{name}: what was not trained proves nothing"
        expected.append((hidden, logits(backbone)))
        folders.append((str(folder), backbone.hidden_size, standardise))
    command = [sys.executable, "-c", FRESH, json.dumps(folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for answer, want, case in zip(answers, expected, cases, strict=True):
        for part, tensor in zip(("hidden", "logits"), want, strict=True):
            torch.testing.assert_close(
                torch.tensor(answer[part]), tensor, rtol=0, atol=1e-5, msg=f"{case} {part}"
            )
