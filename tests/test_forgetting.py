"""The language model of a backbone: what it is asked, and that head and trunk go together."""

import csv
import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

from dnaft.config import build
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.table_files import TableFiles
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.forgetting import Forgetting, Questions, load_forgetting
from dnaft.models.backbone import Backbone
from dnaft.pretraining.model import language_model
from dnaft.pretraining.objectives import MaskedTokens, NextToken
from dnaft.tokenizers.base import Tokenizer
from dnaft.tokenizers.character import CharacterTokenizer
from dnaft.tokenizers.kmer import KmerTokenizer
from dnaft.tokenizers.one_hot import OneHotTokenizer
from small_models import SHAPES

Head = Literal["masked", "causal"]

SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
}
MODERN = {"vocab_size": 80, "local_attention": 8, "pad_token_id": 3} | SMALL
FAMILIES: dict[str, tuple[Head, dict[str, Any]]] = {
    "bert": ("masked", SHAPES["bert"]),
    "esm": ("masked", SHAPES["esm"]),
    "dnabert2": ("masked", {"model_type": "dnabert2", **SMALL}),
    "nt_v2": ("masked", {"model_type": "nt_v2", **SMALL}),
    "gena_lm": ("masked", {"model_type": "gena_lm", **SMALL}),
    "modernbert_split": ("masked", {"model_type": "modernbert", **MODERN}),
    "opt": ("causal", SHAPES["opt"]),
    "llama": ("causal", {"model_type": "llama", "num_key_value_heads": 2, **SMALL}),
    "hyenadna": (
        "causal",
        {"model_type": "hyenadna", "hidden_size": 16, "num_hidden_layers": 2},
    ),
}
CPU = torch.device("cpu")


def node(**changes: Any) -> dict[str, Any]:
    return {
        "_target_": "dnaft.models.load.load_backbone",
        "name": "small",
        "roles": {},
        "pooling": "mean",
        "source": None,
        "revision": None,
        "architecture": None,
        "max_tokens": 64,
        "allow_pickle": False,
        "trust_remote_code": False,
        "attention": "sdpa",
        **changes,
    }


def data_of(
    folder: Path, tokenizer: Tokenizer, letters: str = "ACGTN", **options: Any
) -> SequenceDataModule:
    """Random rows of 25 to 45 bases and their pieces as second sequences."""
    random = np.random.default_rng(3)
    files: dict[str, Any] = {}
    for split, rows in {"train": 4, "dev": 70, "test": 4}.items():
        files[split] = str(folder / f"{split}.csv")
        with open(files[split], "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["sequence", "second", "label"])
            for i in range(rows):
                sequence = "".join(random.choice(list(letters), int(random.integers(25, 46))))
                writer.writerow([sequence, sequence[:9], i % 2])
    if options.pop("pairs", False):
        files["sequence_b_column"] = "second"
    task = Task("mine", "binary", TableFiles(**files))
    return SequenceDataModule(task, tokenizer, "", str(folder / "cache"), **options)


def saved(folder: Path, family: str, tokenizer: Tokenizer) -> dict[str, Any]:
    """A checkpoint with its head, weights larger than a fresh model's; the node that reads it."""
    head, architecture = FAMILIES[family]
    model = language_model(node(architecture=architecture), head, tokenizer, 1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    model.save_pretrained(folder / family)
    of_type = {"model_type": family} if family not in ("opt", "bert", "esm", "llama") else None
    return node(source=str(folder / family), architecture=of_type)


def backbone_of(model: dict[str, Any]) -> Backbone:
    backbone = build(model, "model")
    assert isinstance(backbone, Backbone)
    backbone.attach_head(1)
    return backbone


@pytest.mark.parametrize("family", FAMILIES)
def test_the_published_trunk_gives_the_published_numbers(family: str, tmp_path: Path) -> None:
    """Ours under the head is the model as transformers loads it; another trunk is not."""
    tokenizer = CharacterTokenizer()
    model = saved(tmp_path, family, tokenizer)
    state = torch.get_rng_state()
    forgetting = load_forgetting(model, data_of(tmp_path, tokenizer))
    assert torch.equal(torch.get_rng_state(), state)
    forgetting.score_before(CPU)
    backbone = backbone_of(model)
    found = forgetting.score_after(backbone)
    assert found["objective"] == FAMILIES[family][0]
    assert found["rows"] == 70
    assert found["after"] == pytest.approx(found["before"], rel=1e-5)
    assert found["before"]["perplexity"] == pytest.approx(math.exp(found["before"]["loss"]))
    with torch.no_grad():
        for parameter in backbone.model.parameters():
            parameter *= 1.1
    moved = forgetting.score_after(backbone)
    assert moved["before"] == found["before"]
    assert abs(moved["after"]["loss"] - found["before"]["loss"]) > 1e-3


def test_a_backbone_in_half_precision(tmp_path: Path) -> None:
    tokenizer = CharacterTokenizer()
    model = saved(tmp_path, "bert", tokenizer)
    forgetting = load_forgetting(model, data_of(tmp_path, tokenizer))
    forgetting.score_before(CPU)
    found = forgetting.score_after(backbone_of(model).to(torch.bfloat16))
    assert found["after"]["loss"] == pytest.approx(found["before"]["loss"], rel=0.02)


@pytest.mark.parametrize("k", [1, 4])
def test_questions_hide_15_percent_behind_the_mask_token(tmp_path: Path, k: int) -> None:
    """Each base of DNA is hidden in all its k-mers or shown; draws do not depend on the run."""
    tokenizer = CharacterTokenizer() if k == 1 else KmerTokenizer(k=4)
    data = data_of(tmp_path, tokenizer, "ACGT")
    questions = Questions(data, MaskedTokens())
    originals = sorted(row.tolist() for row in tokenizer.encode(data.tables["dev"].sequences))
    found, shown, hidden_bases, bases = [], 0, 0, 0
    for batch in questions.batches():
        whole = batch.input_ids.flatten().clone()
        assert (whole[batch.places] == tokenizer.mask_id).all()
        assert int((whole == tokenizer.mask_id).sum()) == len(batch.places)
        whole[batch.places] = batch.targets
        mask = torch.ones_like(batch.input_ids)
        mask = mask if batch.attention_mask is None else batch.attention_mask
        hidden = (batch.input_ids == tokenizer.mask_id).numpy()
        for ids, inside, masked in zip(whole.view_as(mask), mask, hidden, strict=True):
            row = ids[: int(inside.sum())].tolist()
            found.append(row)
            words = masked[1 : len(row) - 1]
            visible = np.zeros(len(words) + k - 1, dtype=bool)
            for place in np.flatnonzero(~words):
                visible[place : place + k] = True
            hidden_bases += int((~visible).sum())
            bases += len(visible)
            shown += int((~words).sum())
            assert (~visible).sum() > 0
    assert sorted(found) == originals
    assert questions.targets / (questions.targets + shown) == pytest.approx(0.15, abs=0.03)
    assert hidden_bases / bases == pytest.approx(0.15 / k, abs=0.03)
    again = Questions(data_of(tmp_path, tokenizer, "ACGT", seed=9), MaskedTokens())
    for one, other in zip(questions.batches(), again.batches(), strict=True):
        assert torch.equal(one.places, other.places)


def test_a_causal_model_is_asked_for_every_base(tmp_path: Path) -> None:
    data = data_of(tmp_path, CharacterTokenizer())
    questions = Questions(data, NextToken())
    letters = "".join(data.tables["dev"].sequences)
    # What stands in front of the first base is [CLS].
    assert questions.targets == sum(letters.count(base) for base in "ACGT")


@pytest.mark.parametrize(
    ("options", "rows"), [({}, 70), ({"pairs": True}, 140), ({"long_input": "windows"}, None)]
)
def test_rows_are_those_of_the_task(
    tmp_path: Path, options: dict[str, Any], rows: int | None
) -> None:
    """Pairs are read one by one; windows are rows."""
    limit = {"max_tokens": 30} if options.get("long_input") else {}
    data = data_of(tmp_path, KmerTokenizer(k=3), **limit, **options)
    expected = rows or int(data.tokens["dev"].windows().sum())
    assert Questions(data, MaskedTokens()).rows == expected
    assert rows or expected > 100


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": None}, "eval.mlm: model small has random weights"),
        ({"trust_remote_code": True}, "eval.mlm: model small is built by code of its repository"),
        ({"source": "/nowhere"}, "eval.mlm: model.source: there is no folder"),
    ],
)
def test_models_without_a_head_are_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    tokenizer = CharacterTokenizer()
    data = data_of(tmp_path, tokenizer)
    with pytest.raises(InputError, match=message):
        load_forgetting(saved(tmp_path, "bert", tokenizer) | changes, data)


def test_a_trunk_alone_is_refused(tmp_path: Path) -> None:
    tokenizer = CharacterTokenizer()
    model = saved(tmp_path, "bert", tokenizer)
    trunk: Any = backbone_of(model).model
    trunk.save_pretrained(tmp_path / "trunk")
    with pytest.raises(InputError, match=r"eval\.mlm: .*lacks \d+ weights of a masked language"):
        load_forgetting(model | {"source": str(tmp_path / "trunk")}, data_of(tmp_path, tokenizer))


def test_vocabularies_without_words_or_bases_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="OneHotTokenizer has no vocabulary of words"):
        Questions(data_of(tmp_path, OneHotTokenizer()), MaskedTokens())
    with pytest.raises(InputError, match=r"eval\.mlm: no token of dev spells bases alone"):
        Questions(data_of(tmp_path, KmerTokenizer(k=3), letters="N"), MaskedTokens())


def test_the_model_is_not_the_backbone(tmp_path: Path) -> None:
    """What is scored holds no second trunk while training runs."""
    tokenizer = CharacterTokenizer()
    forgetting: Forgetting = load_forgetting(
        saved(tmp_path, "bert", tokenizer), data_of(tmp_path, tokenizer)
    )
    forgetting.score_before(CPU)
    assert not list(forgetting._model.bert.parameters())
