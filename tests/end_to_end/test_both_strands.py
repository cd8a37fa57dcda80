"""Reverse complements in training and in scoring, through the command line."""

from pathlib import Path

import pyarrow.parquet as pq
import torch

from dnaft.data.reader import read_csv
from dnaft.saved_run import load_model
from dnaft.tokenizers.kmer import KmerTokenizer
from small_runs import SMALL_BERT, Command, interrupted_in_epoch, result

EPOCHS = ["method=lora", "trainer.max_epochs=3", "data.batch_size=16"]
BOTH = ["data.reverse_complement=0.5", "data.eval_reverse_complement=true"]
TURN = str.maketrans("ACGT", "TGCA")


def test_scores_are_those_of_the_mean_over_both_strands(train: Command) -> None:
    plain = result(train(*EPOCHS, *SMALL_BERT))
    folder = train(*EPOCHS, *SMALL_BERT, *BOTH)
    found = result(folder)
    assert found["chosen"]["value"] == found["scores"]["dev"]["mcc"]
    assert found["timing"]["steps"] == plain["timing"]["steps"]
    assert found["data"]["other_strand"]["tokens"]["train"] == found["data"]["tokens"]["train"]
    assert found["scores"] != plain["scores"]

    backbone, record = load_model(folder)
    rows = read_csv(Path(record.config["task"]["source"]["test"]), "sequence", ["label"])
    tokenizer = KmerTokenizer(k=record.config["tokenizer"]["k"])
    logits = []
    for sequences in (rows.sequences, [s.translate(TURN)[::-1] for s in rows.sequences]):
        ids = torch.tensor([row.tolist() for row in tokenizer.encode(sequences)])
        with torch.no_grad():
            logits.append(backbone(ids, torch.ones_like(ids)).squeeze(1).double())
    table = pq.ParquetFile(folder / "test_predictions.parquet").read(use_threads=False)
    saved = torch.from_numpy(table["score"].to_numpy().copy())
    torch.testing.assert_close(((logits[0] + logits[1]) / 2).sigmoid(), saved, rtol=0, atol=1e-6)
    assert not torch.allclose(logits[0].sigmoid(), saved, atol=1e-5)


def test_a_resumed_run_reads_the_same_strands(train: Command) -> None:
    settings = [*EPOCHS, *SMALL_BERT, *BOTH, "data.weighted_sampling=true"]
    straight = train(*settings, out="straight")

    with interrupted_in_epoch(2):
        train(*settings, out="resumed")
    resumed = train(*settings, "resume=true", out="resumed")
    assert result(resumed)["scores"] == result(straight)["scores"]
