"""Throughput of dnaft's k-mer tokenizers and of transformers', side by side.

    python benchmarks/kmer_tokenizers.py [--rows N] [--length BP] [--repeats N]

Both sides encode the same sequences in one run, turn about, and the ids are compared; dnaft
gives one array of ids, transformers gives lists; in batches, both give padded tensors.
BertTokenizerFast is fed as its users do it, with k-mers joined by blanks (timed with and without
the cost of making these strings), and may use all cores; EsmTokenizer gets the sequences; dnaft
runs on one core. Printed are medians; of ratios also quartiles.
"""

import argparse
import importlib
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tables import show_ratio

from dnaft.data.loader import Collate, TokenDataset
from dnaft.data.tokens import TokenRows
from dnaft.tokenizers.encoded import Encoded
from dnaft.tokenizers.kmer import KmerTokenizer
from dnaft.tokenizers.nonoverlapping import NonOverlappingTokenizer

transformers: Any = importlib.import_module("transformers")  # its names have no types

Run = Callable[[], Any]
BATCH = 32


def random_sequences(rows: int, length: int, spread: int) -> list[str]:
    """Return sequences of `length` +- `spread` bases with yeast's 38% GC, one N in 100 rows."""
    generator = np.random.default_rng(0)
    sequences = []
    for row in range(rows):
        bp = int(generator.integers(length - spread, length + spread + 1))
        letters = generator.choice(np.frombuffer(b"ACGT", np.uint8), bp, p=[0.31, 0.19, 0.19, 0.31])
        if row % 100 == 99:
            letters[bp // 2] = ord("N")
        sequences.append(letters.tobytes().decode())
    return sequences


def joined_kmers(sequences: list[str], k: int) -> list[str]:
    """Return what DNABERT's users hand to its tokenizer."""
    return [" ".join(s[i : i + k] for i in range(len(s) - k + 1)) for s in sequences]


def seconds_of(runs: dict[str, Run], repeats: int) -> dict[str, list[float]]:
    """Run all, turn about, `repeats` times after one warm-up, and return the times of each."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(repeats + 1):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            if repeat:
                seconds[name].append(time.perf_counter() - begin)
    return seconds


def report(title: str, ours: Encoded, runs: dict[str, Run], repeats: int) -> None:
    """Time the runs, the first of which is dnaft's, and print a line of the table for each."""
    seconds = seconds_of(runs, repeats)
    own = next(iter(seconds.values()))
    for name, times in seconds.items():
        median = statistics.median(times)
        speed = len(ours.ids) / median / 1e6
        ratio = show_ratio(times, own)
        print(
            f"| {title} | {name} | {median * 1e3:,.1f} | {speed:,.2f} | {ratio} |",
            flush=True,
        )


def same_ids(ours: Encoded, theirs: list[list[int]]) -> None:
    """Exit if the two sides differ anywhere."""
    if [row.tolist() for row in ours] != theirs:
        raise SystemExit("the ids differ")


def overlapping(title: str, sequences: list[str], folder: Path, repeats: int) -> None:
    """6-mers, stride 1, against BertTokenizerFast."""
    ours = KmerTokenizer(k=6)
    (folder / "vocab.txt").write_text("\n".join(ours.vocabulary()))
    bert = transformers.BertTokenizerFast.from_pretrained(folder, do_lower_case=False)
    texts = joined_kmers(sequences, 6)
    encoded = ours.encode(sequences)
    same_ids(encoded, bert(texts)["input_ids"])
    runs: dict[str, Run] = {
        "dnaft": lambda: ours.encode(sequences),
        "BertTokenizerFast, strings made before": lambda: bert(texts),
        "BertTokenizerFast, making of strings included": lambda: bert(joined_kmers(sequences, 6)),
    }
    report(f"overlapping 6-mers, {title}", encoded, runs, repeats)
    pad_id = bert.pad_token_id
    own, theirs = own_batches(encoded, pad_id), bert_batches(bert, texts)
    if any(not torch.equal(a, b) for a, b in zip(own, theirs, strict=True)):
        raise SystemExit("the batches differ")
    runs = {
        "dnaft": lambda: own_batches(ours.encode(sequences), pad_id),
        "BertTokenizerFast, strings made before": lambda: bert_batches(bert, texts),
        "BertTokenizerFast, making of strings included": lambda: bert_batches(
            bert, joined_kmers(sequences, 6)
        ),
    }
    report(f"the same in padded batches of {BATCH}, {title}", encoded, runs, repeats)


def own_batches(encoded: Encoded, pad_id: int) -> list[torch.Tensor]:
    """Return the padded ids of batches, as a loader of dnaft makes them."""
    places = np.arange(len(encoded) + 1)
    rows = TokenRows(encoded.ids.view(np.uint32), encoded.offsets, places, np.diff(encoded.offsets))
    data, collate = TokenDataset(rows, torch.zeros(len(encoded))), Collate(pad_id)
    parts = [places[i : min(i + BATCH, len(encoded))] for i in range(0, len(encoded), BATCH)]
    return [collate(data.__getitems__(part.tolist())).input_ids for part in parts]


def bert_batches(bert: Any, texts: list[str]) -> list[torch.Tensor]:
    """Return the padded ids of batches, as the tokenizer makes them."""
    parts = [texts[i : i + BATCH] for i in range(0, len(texts), BATCH)]
    return [bert(part, padding=True, return_tensors="pt")["input_ids"] for part in parts]


def nonoverlapping(title: str, sequences: list[str], folder: Path, repeats: int) -> None:
    """6-mers side by side, against EsmTokenizer."""
    ours = NonOverlappingTokenizer(version="v2")
    (folder / "vocab.txt").write_text("\n".join(ours.vocabulary()))
    esm = transformers.EsmTokenizer(str(folder / "vocab.txt"), eos_token=None)
    encoded = ours.encode(sequences)
    same_ids(encoded, esm(sequences)["input_ids"])
    runs = {"dnaft": lambda: ours.encode(sequences), "EsmTokenizer": lambda: esm(sequences)}
    report(f"non-overlapping 6-mers, {title}", encoded, runs, repeats)


def main() -> None:
    """Measure equal and unequal lengths."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2000, help="sequences (default 2000)")
    parser.add_argument("--length", type=int, default=300, help="bases of one (default 300)")
    parser.add_argument("--repeats", type=int, default=5, help="timed repeats (default 5)")
    options = parser.parse_args()
    print("| sequences | tokenizer | ms | M ids/s | time / dnaft |\n|---|---|---|---|---|")
    for title, spread in (("equal lengths", 0), ("lengths +- a third", options.length // 3)):
        sequences = random_sequences(options.rows, options.length, spread)
        with tempfile.TemporaryDirectory() as folder:
            overlapping(title, sequences, Path(folder), options.repeats)
            nonoverlapping(title, sequences, Path(folder), options.repeats)


if __name__ == "__main__":
    main()
