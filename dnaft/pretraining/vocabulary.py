"""Byte-pair vocabularies learnt from the training chromosomes of a genome.

    python -m dnaft.pretraining.vocabulary --size 1024 --out bpe.json             # yeast
    python -m dnaft.pretraining.vocabulary my.fa.gz --hold-out chr2 --out bpe.json
    python -m dnaft.pretraining.vocabulary --packaged                             # those of dnaft
    python -m dnaft.pretraining.vocabulary --packaged --check                     # compare only

The file is for `tokenizer=bpe tokenizer.source=FILE`. Both strands are learnt from, in pieces. The
same genome gives the same file.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from dnaft.config import build, read_choice
from dnaft.data.train_bbpe import DOMAINS as TASK_DOMAINS
from dnaft.errors import InputError
from dnaft.pretraining.genome import Genome
from dnaft.pretraining.sequence_files import genome_from_files
from dnaft.pretraining.windows import known_stretches, other_strand
from dnaft.pretraining.yeast import DOMAINS, NEUTRAL

ASSETS = Path(__file__).resolve().parents[1] / "assets" / "tokenizers"
PACKAGED_SIZE = 4096
# Ids 0 to 4, as in DNABERT-2.
SPECIALS = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")
# Ids 0 to 3, as in OPT.
TEXT_SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
PIECE_BP = 1000
# So often does each phrase count: enough that its words become tokens.
_PHRASE_REPEATS = 2000
# How tasks call their sequences, beside the regions of the annotated genome.
_TASK_DOMAINS = (
    *TASK_DOMAINS,
    "Yeast Coding Strand",
    "Yeast Histone Mark",
    "Yeast Promoter Orientation",
    "Yeast Start Codon",
    "Yeast TATA Box",
    "Human Transcription Factor Binding Site",
    "Mouse Transcription Factor Binding Site",
    "DNA Enhancer",
    "DNA Splice Site",
)


def pieces(genome: Genome) -> Iterator[str]:
    """Yield the training chromosomes, both strands, in pieces of A, C, G, T."""
    for codes in genome.codes("train"):
        for begin, end in known_stretches(codes):
            stretch = codes[begin:end]
            for strand in (stretch, other_strand(stretch)):
                text = strand.tobytes().decode("ascii")
                yield from (text[i : i + PIECE_BP] for i in range(0, len(text), PIECE_BP))


def learn_dna(texts: Iterable[str], size: int) -> Tokenizer:
    """Return a byte-pair encoding of bases, rows framed as [CLS] .. [SEP].

    Args:
        texts: What to learn from.
        size: Tokens of the vocabulary, special ones included.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIALS[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIALS),
        initial_alphabet=list("ACGT"),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, SPECIALS.index(name)) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def phrases() -> Iterator[str]:
    """Yield the language that the annotated genome and the prompts of tasks are written in."""
    for domain in sorted({*_TASK_DOMAINS, *DOMAINS, NEUTRAL}):
        text = f"Domain: {domain}\nSequence: \nAnnotation: {domain}\n"
        yield from (text for _ in range(_PHRASE_REPEATS))


def learn_text(texts: Iterable[str], size: int) -> Tokenizer:
    """Return a byte-level encoding of language and bases, rows framed as in OPT: </s> in front.

    Stretches of eight bases or more are words of their own, so no token holds both.

    Args:
        texts: What to learn from.
        size: Tokens of the vocabulary, special ones included.
    """
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("[ACGT]{8,}"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(TEXT_SPECIALS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="</s> $A", special_tokens=[("</s>", TEXT_SPECIALS.index("</s>"))]
    )
    return tokenizer


def main(arguments: list[str] | None = None) -> int:
    """Learn vocabularies, or with --check compare the packaged ones with their recipe."""
    parser = argparse.ArgumentParser(
        prog="python -m dnaft.pretraining.vocabulary",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="*", help="FASTA or GenBank; by default the yeast genome")
    parser.add_argument("--hold-out", nargs="+", default=[], help="sequences not learnt from")
    parser.add_argument("--size", type=int, default=PACKAGED_SIZE, help="tokens")
    parser.add_argument("--out", type=Path, help="tokenizer.json to write")
    parser.add_argument("--packaged", action="store_true", help="write those of the package")
    parser.add_argument("--check", action="store_true", help="with --packaged: compare only")
    given = parser.parse_args(arguments)
    try:
        if given.packaged:
            return _packaged(given.check)
        if given.out is None:
            parser.error("give --out FILE, or --packaged")
        if given.size < len(SPECIALS) + 4:
            raise InputError(f"--size: must be {len(SPECIALS) + 4} or more, got {given.size}")
        if given.files:
            genome = genome_from_files("genome", given.files, dev=given.hold_out)
        else:
            genome = _yeast()
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(learn_dna(pieces(genome), given.size).to_str(pretty=True))
        print(f"wrote {given.out}")
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _yeast() -> Genome:
    genome: Genome = build(read_choice("genome", "yeast"), "genome")
    return genome


def _packaged(check: bool) -> int:
    wrong = 0
    recipes: dict[str, Callable[[], Tokenizer]] = {
        "bpe_yeast": lambda: learn_dna(pieces(_yeast()), PACKAGED_SIZE),
        "bbpe_yeast_text": lambda: learn_text(chain(phrases(), pieces(_yeast())), PACKAGED_SIZE),
    }
    for name, recipe in recipes.items():
        file = ASSETS / f"{name}.json"
        text = f"{recipe().to_str()}\n"
        if not check:
            file.write_text(text, encoding="utf-8")
            print(f"wrote {file}")
        elif file.is_file() and file.read_text(encoding="utf-8") == text:
            print(f"{file} is what the recipe gives")
        else:
            print(f"{file} differs from what the recipe gives; make it anew without --check")
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
