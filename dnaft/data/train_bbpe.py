"""Make the packaged byte-pair tokenizer: python -m dnaft.data.train_bbpe [--check].

It learns from the training windows of the packaged yeast promoters and from the phrases in
which dnaft's own methods speak to a language model. Special tokens are those of OPT.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from dnaft.data.packed import read_packed

ASSETS = Path(__file__).resolve().parents[1] / "assets"
WINDOWS = ASSETS / "yeast" / "promoter.safetensors"
OUTPUT = ASSETS / "tokenizers" / "bbpe_yeast.json"

VOCAB_SIZE = 2048
SPECIALS = ["<s>", "<pad>", "</s>", "<unk>"]  # ids 0 to 3, as in OPT
TRAIN = 0
# So often does each phrase count: enough that words become tokens of a few letters or one.
PHRASE_REPEATS = 2000

DOMAINS = [
    "DNA",
    "DNA Promoter",
    "DNA Core Promoter",
    "Yeast Promoter",
    "Yeast Coding Sequence",
    "Yeast Genome",
    "Human Genome",
    "Mouse Genome",
    "Histone Mark",
    "Transcription Factor Binding Site",
    "Splice Site",
    "Virus Variant",
    "Enhancer",
    "Chromatin Profile",
    "Gene Expression",
    "mRNA Half-life",
]


def training_text() -> Iterator[str]:
    """Yield what the vocabulary is learnt from."""
    for domain in DOMAINS:
        for _ in range(PHRASE_REPEATS):
            yield f"Domain: {domain}\nSequence: \nAnnotation:"
    windows = read_packed(WINDOWS)
    for sequence, split in zip(windows.sequences(), windows.split, strict=True):
        if split == TRAIN:
            yield sequence


def train() -> Tokenizer:
    """Return the tokenizer; the same input gives the same tokenizer."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=SPECIALS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(training_text(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="</s> $A", special_tokens=[("</s>", SPECIALS.index("</s>"))]
    )
    return tokenizer


def main() -> int:
    """Write the tokenizer, or with --check compare it with the packaged one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check
    text = f"{train().to_str()}\n"
    if not check:
        OUTPUT.parent.mkdir(parents=True, exist_ok=True)
        OUTPUT.write_text(text, encoding="utf-8")
        print(f"wrote {OUTPUT}")
        return 0
    if OUTPUT.read_text(encoding="utf-8") == text:
        print(f"{OUTPUT} is what the recipe gives")
        return 0
    print(f"{OUTPUT} differs from what the recipe gives; make it anew without --check")
    return 1


if __name__ == "__main__":
    sys.exit(main())
