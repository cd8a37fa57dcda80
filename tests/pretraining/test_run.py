"""Whole pretrainings through the command line: resumed, saved, loaded again, scored."""

import csv
import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

from dnaft.config import build
from dnaft.pretraining.genome import Genome
from dnaft.tokenizers.bpe import BpeTokenizer
from dnaft.tokenizers.character import CharacterTokenizer
from dnaft.tokenizers.species import species_tokenizer

Command = Callable[..., Path]

SMALL = [
    "model.architecture.hidden_size=16",
    "model.architecture.num_attention_heads=2",
    "trainer.accelerator=cpu",
    "window_bp=60",
    "plan.batch_tokens=512",
    "plan.steps=6",
    "held_out.windows=16",
    "held_out.look_windows=4",
    "held_out.look_steps=2",
]
BERT = [*SMALL, "model.architecture.intermediate_size=16", "tokenizer=character"]
OPT = [*SMALL, "model=tiny_opt", "model.architecture.ffn_dim=16"]
OPT = [*OPT, "model.architecture.word_embed_proj_dim=16", "objective=causal"]
SPECIES = ["tokenizer=kmer_species", "tokenizer.k=3", "tokenizer.species_id=69"]
KINDS = {
    "character": BERT,
    "spans": [*BERT, "objective.mean_span=4"],
    "kmer with species": [*BERT[:-1], *SPECIES, "tokenizer.vocab_size=70"],
    "nonoverlapping": [*BERT[:-1], "tokenizer=nonoverlapping_v2"],
    "dnabert2": [
        *BERT[:-1], "tokenizer=character", "model=dnabert2", "model.source=null",
        "model.architecture.num_hidden_layers=2",
    ],
    "causal": [*OPT, "tokenizer=bpe", "tokenizer.source=package:bbpe_yeast_text"],
}  # fmt: skip


@pytest.fixture
def pretrain(
    tmp_path: Path, genome_overrides: list[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Run `python -m dnaft.pretrain` with these overrides; return the run folder."""
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)

    def run(*overrides: str, out: str = "out") -> Path:
        from dnaft.pretrain import main

        arguments = [*genome_overrides, f"output_dir={tmp_path / out}", *overrides]
        monkeypatch.setattr(sys, "argv", ["dnaft.pretrain", *arguments])
        main()
        cards = (tmp_path / out).rglob("card.json")
        return max(cards, key=lambda file: file.stat().st_mtime_ns).parent.parent

    return run


def card_of(folder: Path, model: str = "model") -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / model / "card.json").read_text())
    return content


def curve_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "model" / "curve.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_leaves_a_complete_folder(
    kind: str, pretrain: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pretrain(*KINDS[kind])
    card = card_of(folder)
    assert card["finished"] is True
    assert card["training"]["steps"] == card["training"]["steps_planned"] == 6
    assert card["training"]["tokens_seen"] > 6 * 400
    assert card["data"]["train"] == {"chromosomes": ["chrA", "chrB"], "bases": 90_000}
    assert card["held_out"]["chromosomes"] == ["chrC"]
    numbers = card["held_out"]
    assert numbers["beats_all"] == all(
        numbers["model"]["nats_per_base"] < numbers["yardsticks"][name]["nats_per_base"]
        for name in ("uniform", "composition", "markov5")
    )
    printed = capsys.readouterr().out
    assert f"{numbers['model']['nats_per_token']:.4f}" in printed
    assert "step 6 of 6" in printed

    causal = kind == "causal"
    auto = AutoModelForCausalLM if causal else AutoModelForMaskedLM
    loaded, info = auto.from_pretrained(folder / "model", output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert {t.dtype for t in load_file(folder / "model" / "model.safetensors").values()} == {
        torch.float16
    }
    assert loaded.get_input_embeddings().weight.shape[0] == card["tokenizer"]["vocab_size"]

    # Fine-tuning reads it, too.
    config = card["rebuild"]["config"]["model"] | {"source": str(folder / "model")}
    backbone = build(config, "model")
    trunk = loaded.base_model.get_input_embeddings().weight.float()
    assert torch.equal(backbone.model.get_input_embeddings().weight, trunk)

    rows = curve_of(folder)
    assert [int(row["step"]) for row in rows] == [2, 4, 6]
    assert all(float(row["train/nats"]) > 0 for row in rows)
    assert [bool(row["dev/nats"]) for row in rows] == [True, True, False]


def test_vocabularies_are_saved(pretrain: Command) -> None:
    words = (pretrain(*KINDS["character"]) / "model" / "vocab.txt").read_text().split("\n")
    assert words == [*CharacterTokenizer().vocabulary(), ""]
    folder = pretrain(*KINDS["kmer with species"], "genome.species=some_species")
    again = species_tokenizer(str(folder / "model"), "some_species", k=3)
    assert (again.species_id, again.vocab_size) == (69, 70)
    folder = pretrain(*KINDS["causal"])
    saved = BpeTokenizer(str(folder / "model"))
    text = ["Domain: Yeast Promoter\nSequence: ACGTACGATC"]
    packaged = BpeTokenizer("package:bbpe_yeast_text")
    assert saved.encode(text).ids.tolist() == packaged.encode(text).ids.tolist()
    assert saved.pad_id == packaged.pad_id


def test_the_card_scores_the_saved_weights(pretrain: Command, small_genome: Genome) -> None:
    """Read the folder with transformers and ask again, in a plain loop."""
    folder = pretrain(*BERT, "held_out.windows=8")
    model = AutoModelForMaskedLM.from_pretrained(folder / "model").float().eval()
    tokenizer = CharacterTokenizer()
    from dnaft.pretraining.dna_tokens import dna_tokens
    from dnaft.pretraining.examples import GenomeExamples
    from dnaft.pretraining.objectives import MaskedTokens
    from dnaft.pretraining.windows import WindowSampler

    dna = dna_tokens(tokenizer)
    sampler = WindowSampler(small_genome, "dev", 60, seed=0)
    rows = GenomeExamples(sampler, tokenizer, dna, 512).rows(range(8))
    batch = MaskedTokens().questions(tokenizer, dna, True)(rows, 0, range(8))
    nats, hits = [], []
    for row in range(8):
        with torch.no_grad():
            logits = model(input_ids=batch.input_ids[row : row + 1]).logits[0]
        for place in np.flatnonzero(batch.input_ids[row] == tokenizer.mask_id):
            truth = int(rows.ids[row, place])
            nats.append(-float(torch.log_softmax(logits[place].double(), dim=0)[truth]))
            hits.append(int(logits[place].argmax()) == truth)
    found = card_of(folder)["held_out"]["model"]
    assert found["nats_per_token"] == pytest.approx(np.mean(nats), abs=1e-5)
    assert found["nats_per_base"] == pytest.approx(np.mean(nats), abs=1e-5)
    assert found["accuracy"] == pytest.approx(np.mean(hits))
    assert found["perplexity"] == pytest.approx(np.exp(np.mean(nats)), rel=1e-4)


@pytest.mark.parametrize("kind", ["character", "causal"])
def test_stopped_and_resumed_equals_straight(
    kind: str, pretrain: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    dropout = "dropout" if kind == "causal" else "hidden_dropout_prob"
    more = ["plan.micro_batch_tokens=256", f"model.architecture.{dropout}=0.2"]
    straight = pretrain(*KINDS[kind], *more, out="straight")
    # So short that a session ends after one step.
    parts = pretrain(*KINDS[kind], *more, "session.hours=1e-9", out="parts")
    assert "stopped at step 1 of 6" in capsys.readouterr().out
    assert not (parts / "model").exists()
    assert card_of(parts, "unfinished")["finished"] is False
    for step in range(2, 6):
        again = pretrain(*KINDS[kind], *more, "session.hours=1e-9", "resume=true", out="parts")
        assert again == parts
        assert card_of(parts, "unfinished")["training"]["steps"] == step
    assert pretrain(*KINDS[kind], *more, "resume=true", out="parts") == parts
    assert not (parts / "unfinished").exists()

    first, second = card_of(straight), card_of(parts)
    weights = [load_file(f / "model" / "model.safetensors") for f in (straight, parts)]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    checkpoints = [
        torch.load(f / "checkpoints" / "last.ckpt", weights_only=True) for f in (straight, parts)
    ]
    for state in zip(
        *(c["optimizer_states"][0]["state"].values() for c in checkpoints), strict=True
    ):
        assert torch.equal(state[0]["exp_avg"], state[1]["exp_avg"])
        assert torch.equal(state[0]["exp_avg_sq"], state[1]["exp_avg_sq"])
    assert first["held_out"] == second["held_out"]
    assert first["training"]["tokens_seen"] == second["training"]["tokens_seen"]
    assert second["training"]["hours"] > 0
    # Each session reported its last step.
    assert [int(row["step"]) for row in curve_of(parts)] == [1, 2, 3, 4, 5, 6]


def test_a_checkpoint_of_another_plan_is_refused(
    pretrain: Command, genome_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pretrain(*BERT, "session.hours=1e-9")
    genome_file.write_text(genome_file.read_text() + ">chrE\nACGTACGT\n")
    try:
        with pytest.raises(SystemExit) as caught:
            pretrain(*BERT, "resume=true")
    finally:
        genome_file.write_text(genome_file.read_text().partition(">chrE")[0])
    assert caught.value.code == 2
    assert "resume: the checkpoint was written with genome = " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("genome.dev=[chrA]", "held-out chromosomes"),
        ("optimizer.lr=2e-3", "optimizer"),
        ("embedding_rate=0.5", "embedding_rate"),
    ],
)
def test_a_checkpoint_is_not_continued_under_other_settings(
    change: str, named: str, pretrain: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pretrain(*BERT, "session.hours=1e-9")
    # The folder is named by what was typed, so it is given the name of the other run.
    with pytest.raises(SystemExit) as caught:
        pretrain(*BERT, change, "resume=true", f"hydra.run.dir='{folder}'")
    assert caught.value.code == 2
    assert f"resume: the checkpoint was written with {named} = " in capsys.readouterr().err


def test_weights_that_saw_what_is_held_out_now_are_refused(
    pretrain: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pretrain(*BERT)
    card = card_of(folder)
    train, dev = (card["data"][split]["chromosomes"] for split in ("train", "dev"))
    source = f"model.source='{folder / 'model'}'"
    pretrain(*BERT, source, out="as before")
    with pytest.raises(SystemExit) as caught:
        pretrain(*BERT, source, f"genome.dev=[{train[0]}]", out="swapped")
    assert caught.value.code == 2
    message = capsys.readouterr().err
    assert f"error: model.source: its weights were trained on {train[0]} of this genome" in message
    assert train[0] not in dev


def test_the_card_names_the_trainings_before(pretrain: Command) -> None:
    """Weights that were trained on are not made by the last command alone."""
    folders = [pretrain(*BERT)]
    for out in ("second", "third"):
        folders.append(pretrain(*BERT, f"model.source='{folders[-1] / 'model'}'", out=out))
    cards = [card_of(folder) for folder in folders]
    assert [len(card["earlier"]) for card in cards] == [0, 1, 2]
    for before, card in zip(cards[:2], cards[2]["earlier"], strict=True):
        assert card["command"] == before["rebuild"]["command"]
        assert card["tokens_seen"] == before["training"]["tokens_seen"] > 0
        assert card["data"] == before["data"]
    first, last = (card["held_out"]["model"]["nats_per_token"] for card in (cards[0], cards[2]))
    assert last < first


def test_the_command_of_the_card_makes_the_model_again(pretrain: Command) -> None:
    folder = pretrain(*BERT, "session.report_seconds=5", "seed=7")
    command = shlex.split(card_of(folder)["rebuild"]["command"])
    assert command[:3] == ["python", "-m", "dnaft.pretrain"]
    assert not [part for part in command if part.startswith(("session.", "output_dir="))]
    again = pretrain(*command[3:], out="again")
    files = [f / "model" / "model.safetensors" for f in (folder, again)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_training_in_bfloat16_keeps_weights_in_float32(pretrain: Command) -> None:
    folder = pretrain(*BERT, "precision=bf16-mixed", "export.precision=float32")
    assert card_of(folder)["training"]["precision"] == "bf16-mixed"
    weights = load_file(folder / "model" / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    folder = pretrain(*BERT, "precision=32-true", "export.precision=float32")
    exact = load_file(folder / "model" / "model.safetensors")
    # Rounded on the way, so not equal, but near.
    assert any(not torch.equal(weights[name], exact[name]) for name in exact)
    for name, weight in exact.items():
        torch.testing.assert_close(weights[name], weight, rtol=0, atol=6 * 5e-4)


def test_seeds_differ_and_held_out_windows_do_not(pretrain: Command) -> None:
    first, second = (card_of(pretrain(*BERT, f"seed={seed}"))["held_out"] for seed in (1, 2))
    assert first["yardsticks"]["uniform"] == second["yardsticks"]["uniform"]
    assert first["yardsticks"]["markov5"] == second["yardsticks"]["markov5"]
    assert first["model"] != second["model"]


def test_a_model_learns_what_a_short_memory_cannot_know(pretrain: Command, tmp_path: Path) -> None:
    """Stretches of 600 bases in which one letter is common: the more is seen, the surer which."""
    generator = np.random.default_rng(1)
    lines = []
    for name, stretches in (("one", 150), ("two", 30)):
        common = generator.integers(0, 4, stretches)
        letters = generator.integers(0, 4, (stretches, 600))
        chosen = np.where(generator.random(letters.shape) < 0.4, common[:, None], letters)
        lines += [f">{name}", "".join("ACGT"[base] for base in chosen.ravel())]
    (tmp_path / "stretches.fa").write_text("\n".join(lines) + "\n")
    folder = pretrain(
        f"genome.files=[{tmp_path / 'stretches.fa'}]", "genome.dev=[two]", "genome.test=[]",
        "model=tiny", "tokenizer=character", "trainer.accelerator=cpu", "window_bp=126",
        "model.architecture.hidden_size=32", "plan.batch_tokens=2048", "plan.steps=100",
        "optimizer.lr=4e-3", "optimizer.warmup_fraction=0.1", "held_out.windows=60",
        "held_out.look_windows=10",
    )  # fmt: skip
    held_out = card_of(folder)["held_out"]
    assert held_out["beats_all"] is True
    assert held_out["model"]["nats_per_base"] < held_out["yardsticks"]["markov5"]["nats_per_base"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["genome.dev=[chrX]"], "error: genome: dev names 'chrX', which small does not have"),
        (["genome.files=[missing.fa]"], "error: missing.fa: no such file; check the path"),
        (
            ["window_bp=600"],
            "error: window_bp: 600 bases are about 602 tokens, and the model takes",
        ),
        (["model.max_tokens=513"], "error: model.max_tokens: 513 are more than the 512 positions"),
        (["window_bp=13000"], "error: window_bp: the dev chromosomes of small have no 13,000"),
        (["plan.tokens=5"], "error: plan: give the length of the pretraining once"),
        (["plan.steps=0"], "error: plan: steps must be 1 or more"),
        (["objective=causal"], "error: objective: bert has no causal language model"),
        (["tokenizer=one_hot"], "error: tokenizer: OneHotTokenizer has no vocabulary of words"),
        (["optimizer.lr=-1"], "error: optimizer: lr must be above 0"),
        (
            ["optimizer.lr=1e9", "trainer.gradient_clip_val=null"],
            "error: optimizer.lr: the loss is",
        ),
        (
            ["local_attention=true", "model=dnabert2", "model.source=null"],
            "error: local_attention: is true, and dnabert2 has no learnt positions",
        ),
        (["embedding_rate=0"], "error: embedding_rate: is 0.0, and has to be above 0"),
        (["held_out.look_windows=99"], "error: held_out: look_windows must lie from 1 to windows"),
        (["session.hours=0"], "error: session: hours must be above 0"),
        (["export.precision=int8"], "error: export.precision: got 'int8'"),
        (["seed=-1"], "error: seed: must lie between 0"),
        (["num_workers=-1"], "error: num_workers: must be 0 or more"),
        (["precision=fp7"], "error: trainer: Precision 'fp7' is invalid"),
        (["window_pb=3"], "error: window_pb: there is no such key; did you mean window_bp?"),
        (["+extra=3"], "error: extra: there is no such key"),
    ],
)
def test_bad_input_is_refused(
    pretrain: Command, overrides: list[str], message: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    with pytest.raises(SystemExit) as caught:
        pretrain(*BERT, *overrides)
    error = capsys.readouterr().err
    assert message in error
    assert caught.value.code == 2
    assert "Traceback" not in error
    # Nothing is left behind.
    assert not list((tmp_path / "out").rglob("*.safetensors"))


def test_a_model_is_needed(pretrain: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        pretrain("model=none")
    assert "error: model: got {'name': 'none'}" in capsys.readouterr().err
