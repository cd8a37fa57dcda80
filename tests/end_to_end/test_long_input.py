"""Rows over the limit of a model, read in windows, through the command line."""

from pathlib import Path

import pyarrow.parquet as pq
import torch

from dnaft.data.reader import read_csv
from dnaft.saved_run import load_model
from dnaft.tokenizers.kmer import KmerTokenizer
from small_runs import SMALL_BERT, Command, result

EPOCHS = ["trainer.max_epochs=2", "data.batch_size=16"]
WINDOWS = ["model.max_tokens=40", "data.long_input=windows"]


def test_windows_are_trained_scored_and_counted(train: Command) -> None:
    """60 bp are two windows of 38 3-mers, that is 40 bp: 0 to 40 and, from the end, 20 to 60."""
    folder = train("method=lora", *SMALL_BERT, *EPOCHS, *WINDOWS)
    found = result(folder)
    assert found["data"]["windows"]["train"] == {
        "sequences": 96,
        "rows": 96,
        "windows": 192,
        "most_windows": 2,
    }
    assert found["data"]["truncation"]["train"]["lost_bp"] == 0
    assert found["timing"]["steps"] == 2 * 96 / 16

    backbone, record = load_model(folder)
    rows = read_csv(Path(record.config["task"]["source"]["test"]), "sequence", ["label"])
    tokenizer = KmerTokenizer(k=record.config["tokenizer"]["k"])
    vectors = []
    for piece in (slice(0, 40), slice(20, 60)):
        encoded = tokenizer.encode([sequence[piece] for sequence in rows.sequences])
        ids = torch.tensor([row.tolist() for row in encoded])
        with torch.no_grad():
            vectors.append(backbone.encode(ids, torch.ones_like(ids)).mean(dim=1))
    with torch.no_grad():
        again = backbone.head((vectors[0] + vectors[1]) / 2).squeeze(1).double().sigmoid()
    table = pq.ParquetFile(folder / "test_predictions.parquet").read(use_threads=False)
    saved = torch.from_numpy(table["score"].to_numpy().copy())
    torch.testing.assert_close(again, saved, rtol=0, atol=1e-6)


def test_windows_cost_what_they_read(train: Command) -> None:
    cut, windows = (
        result(train("method=lora", *SMALL_BERT, *EPOCHS, WINDOWS[0], f"data.long_input={how}"))
        for how in ("cut", "windows")
    )
    ratio = windows["flops"]["per_step"] / cut["flops"]["per_step"]
    assert 1.98 < ratio < 2.02


def test_without_long_rows_the_numbers_are_the_same(train: Command) -> None:
    plain = result(train("method=adalora_rs", *SMALL_BERT, *EPOCHS))
    windows = result(train("method=adalora_rs", *SMALL_BERT, *EPOCHS, "data.long_input=windows"))
    assert windows["scores"] == plain["scores"]
    assert windows["flops"] == plain["flops"]
    assert windows["data"]["windows"]["train"]["windows"] == 0
