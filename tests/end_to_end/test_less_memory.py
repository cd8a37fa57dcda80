"""Runs with less memory give the result of plain ones, and leave the same files."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from dnaft.errors import InputError
from small_runs import SMALL_BERT, Command, result

RUN = [*SMALL_BERT, "trainer.max_epochs=2", "data.batch_size=16"]


def adapter(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter" / "adapter_model.safetensors")


def same(one: Path, other: Path) -> None:
    assert result(one)["scores"] == result(other)["scores"]
    found, expected = adapter(one), adapter(other)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=0, msg=name)


def test_rounded_frozen_matrices_change_neither_scores_nor_files(
    train: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["method=adalora_rs", "trainer.precision=bf16-mixed", *RUN]
    plain = train(*run, "fast.frozen_bf16=false")
    assert "frozen matrices in bfloat16" not in capsys.readouterr().out
    rounded = train(*run, "fast.frozen_bf16=true")
    assert "frozen matrices in bfloat16: 0.0 MiB less" in capsys.readouterr().out
    same(rounded, plain)
    assert (rounded / "test_predictions.parquet").read_bytes() == (
        plain / "test_predictions.parquet"
    ).read_bytes()
    same_base = [load_file(run / "base" / "model.safetensors") for run in (rounded, plain)]
    for name, tensor in same_base[1].items():
        assert same_base[0][name].dtype == torch.float32
        assert torch.equal(same_base[0][name], tensor), name


def test_layers_computed_twice_change_no_score(train: Command) -> None:
    run = ["method=lora", *RUN, "model.architecture.hidden_dropout_prob=0.1"]
    same(train(*run, "fast.gradient_checkpointing=true"), train(*run))


def test_rounding_is_refused_where_all_digits_count(
    train: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        train("method=lora", *RUN, "fast.frozen_bf16=true")
    message = capsys.readouterr().err
    assert message.startswith("error: fast.frozen_bf16: is true, and trainer.precision=32-true")
    assert InputError.__name__ not in message
