"""eval.mlm through the command line, against transformers' own masked language model in float64."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForMaskedLM, BertConfig, BertForMaskedLM

from dnaft.config import build
from dnaft.data.datamodule import SequenceDataModule
from dnaft.forgetting import Questions
from dnaft.pretraining.objectives import MaskedTokens
from dnaft.tokenizers.kmer import KmerTokenizer
from small_runs import Command, result

STEP = ["model=tiny", "data.batch_size=16", "trainer.max_steps=1", "method.optimizer.lr=0.02"]
STEP += ["method.optimizer.warmup_fraction=0", "trainer.accelerator=cpu", "progress=false"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A BERT with its head over 3-mers, weights a few times a fresh model's."""
    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(5)
    model = BertForMaskedLM(
        BertConfig(
            vocab_size=69,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=64,
            initializer_range=0.3,
        )
    )
    model.save_pretrained(folder)
    return str(folder)


def questions_of(found: dict[str, Any], cache: Path) -> Questions:
    task = build(found["config"]["task"], "task")
    data = SequenceDataModule(task, KmerTokenizer(k=3), "", str(cache), max_tokens=64)
    return Questions(data, MaskedTokens())


@torch.no_grad()
def loss_of(model: Any, questions: Questions) -> float:
    """All logits of all positions; the loss where tokens are hidden."""
    model.eval().double()
    nats: list[Tensor] = []
    for batch in questions.batches():
        log_p = model(batch.input_ids, batch.attention_mask).logits.log_softmax(dim=-1)
        hidden = (batch.input_ids == KmerTokenizer(k=3).mask_id).nonzero()
        assert len(hidden) == len(batch.targets)
        picked = [-log_p[i, j, t] for (i, j), t in zip(hidden, batch.targets, strict=True)]
        nats.append(torch.stack(picked))
    return float(torch.cat(nats).mean())


def merged(model: Any, folder: Path, alpha_over_rank: float) -> None:
    """Add alpha / r B A to each adapted matrix, from the file of the adapter."""
    weights = load_file(folder / "adapter" / "adapter_model.safetensors")
    modules = dict(model.bert.named_modules())
    names = [name for name in weights if name.endswith(".lora_A.weight")]
    assert len(names) == 12
    for name in names:
        stem = name.removesuffix(".lora_A.weight")
        update = weights[f"{stem}.lora_B.weight"].double() @ weights[name].double()
        module = modules[stem.removeprefix("base_model.model.")]
        module.weight.data += (alpha_over_rank * update).to(module.weight.dtype)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_before_and_after_one_step(
    method: str, train: Command, checkpoint: str, tmp_path: Path
) -> None:
    source = [f"model.source={checkpoint}", "model.max_tokens=64", "eval.mlm=true"]
    folder = train(f"method={method}", *source, *STEP)
    found = result(folder)
    forgetting = found["forgetting"]
    questions = questions_of(found, tmp_path / "cache2")
    assert forgetting["objective"] == "masked"
    assert forgetting["rows"] == 48
    assert forgetting["targets"] == questions.targets
    model = AutoModelForMaskedLM.from_pretrained(checkpoint)
    assert forgetting["before"]["loss"] == pytest.approx(loss_of(model, questions), rel=1e-5)

    model = AutoModelForMaskedLM.from_pretrained(checkpoint)
    model.double()
    if method == "lora":
        merged(model, folder, found["config"]["method"]["inject"]["alpha"] / 8)
    else:
        tuned = load_file(folder / "model" / "model.safetensors")
        model.bert.load_state_dict(tuned, strict=True)  # the head's matrix is tied to it
    expected = loss_of(model, questions)
    assert forgetting["after"]["loss"] == pytest.approx(expected, rel=1e-5)
    assert forgetting["after"]["perplexity"] == pytest.approx(math.exp(expected), rel=1e-4)
    assert abs(expected - forgetting["before"]["loss"]) > 0.01


def test_it_leaves_the_run_alone(
    train: Command, checkpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = ["method=lora", f"model.source={checkpoint}", "model.max_tokens=64", *STEP]
    source = [o for o in source if "max_steps" not in o] + ["trainer.max_epochs=2"]
    with_it, without = (result(train(*source, *more)) for more in (["eval.mlm=true"], []))
    assert with_it["scores"] == without["scores"]
    assert without["forgetting"] == {}
    told = f"perplexity {with_it['forgetting']['before']['perplexity']:.3f} before fine-tuning"
    assert told in capsys.readouterr().out


def test_a_linear_probe_forgets_nothing(train: Command, checkpoint: str) -> None:
    source = [f"model.source={checkpoint}", "model.max_tokens=64", "eval.mlm=true"]
    found = result(train("method=linear_probe", *source, *STEP))["forgetting"]
    assert found["after"] == found["before"]


def test_random_weights_are_refused_before_training(
    train: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        train("method=lora", "eval.mlm=true", *STEP)
    assert "error: eval.mlm: model tiny has random weights" in capsys.readouterr().err


def test_the_packaged_model_knows_yeast_better_than_chance(train: Command) -> None:
    """Of single bases four are alike to a model that knows nothing: perplexity 4."""
    found = result(train("method=full", "eval.mlm=true", *STEP[1:]))["forgetting"]
    assert 3.5 < found["before"]["perplexity"] < 3.9
    assert found["after"]["perplexity"] != found["before"]["perplexity"]
