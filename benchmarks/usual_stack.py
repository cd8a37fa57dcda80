"""What scripts of the usual stack share: their rows, how they pad them, the shape of an OPT.

Their processes are timed whole, so nothing of dnaft is imported before it is needed.
"""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

SPLITS = ("train", "dev", "test")
OPT_MATRICES = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]
Rows = list[dict[str, Any]]


def write_rows(folder: Path, rows: int, length_bp: int) -> dict[str, list[tuple[str, int]]]:
    """Write yeast promoters as csv files, an eighth as many rows for dev and for test."""
    import dnaft
    from dnaft.data.packed import read_packed

    windows = read_packed(Path(dnaft.__file__).parent / "assets" / "yeast" / "promoter.safetensors")
    sequences, content = windows.sequences(), {}
    for code, split in enumerate(SPLITS):
        count = rows if split == "train" else rows // 8
        of_split = [i for i, s in enumerate(windows.split) if s == code]
        chosen = of_split[:: max(1, len(of_split) // count)][:count]
        content[split] = [(sequences[i][-length_bp:], int(windows.labels[i])) for i in chosen]
        with (folder / f"{split}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([("sequence", "label"), *content[split]])
    return content


def write_tokens(folder: Path, content: dict[str, list[tuple[str, int]]]) -> tuple[int, int]:
    """Write the ids that dnaft's tokenizer gives, 3-mers, to tokens.json.

    Args:
        folder: Where to.
        content: Rows by split, as `write_rows` returns them.

    Returns:
        Size of the vocabulary, id of padding.
    """
    from dnaft.tokenizers.kmer import KmerTokenizer

    tokenizer = KmerTokenizer(k=3)
    tokens: dict[str, Rows] = {}
    for split, rows in content.items():
        encoded = tokenizer.encode([sequence for sequence, _ in rows])
        tokens[split] = [
            {"input_ids": ids.tolist(), "labels": label}
            for ids, (_, label) in zip(encoded, rows, strict=True)
        ]
    (folder / "tokens.json").write_text(json.dumps(tokens))
    return tokenizer.vocab_size, tokenizer.pad_id


def collator(pad_id: int) -> Callable[[Rows], dict[str, torch.Tensor]]:
    """Return what makes a batch of rows with `input_ids` and `labels`."""

    def collate(rows: Rows) -> dict[str, torch.Tensor]:
        ids = [torch.tensor(row["input_ids"]) for row in rows]
        return {
            "input_ids": pad_sequence(ids, batch_first=True, padding_value=pad_id),
            "attention_mask": pad_sequence([torch.ones_like(i) for i in ids], batch_first=True),
            "labels": torch.tensor([row["labels"] for row in rows]),
        }

    return collate


def opt_shape(
    hidden: int, layers: int, dropout: float, vocabulary: int, positions: int
) -> dict[str, Any]:
    """Return the shape of an OPT with heads of 64."""
    return {
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "word_embed_proj_dim": hidden,
        "ffn_dim": 4 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": max(1, hidden // 64),
        "dropout": dropout,
        "max_position_embeddings": positions,
    }
