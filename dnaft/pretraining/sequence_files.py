"""Genomes from files: FASTA or GenBank, plain or gzipped, told apart by their first bytes."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dnaft.errors import InputError
from dnaft.pretraining.genome import Codes, Genome

_GZIP = b"\x1f\x8b"
_LETTERS = b"ACGTRYSWKMBDHVN"  # bases, and the IUPAC codes for one of several
_KNOWN = np.zeros(256, dtype=bool)
_KNOWN[list(_LETTERS)] = True
_NOT_SEQUENCE = b" \t\r\n0123456789"  # of GenBank's ORIGIN lines


def genome_from_files(
    name: str,
    files: Sequence[str],
    dev: Sequence[str],
    test: Sequence[str] = (),
    species: str | None = None,
) -> Genome:
    """Read a genome whose chromosomes may lie in one file or several.

    Args:
        name: What to call it.
        files: FASTA or GenBank files, plain or gzipped.
        dev: Chromosomes for held-out numbers, by the first word of the FASTA header or the name
            in the LOCUS line.
        test: Further chromosomes that training never sees.
        species: Name of the species token, where a tokenizer has one.

    Raises:
        InputError: If a file cannot be read, or a sequence is empty, named twice, or has a letter
            that is none of DNA.
        ValueError: If the held-out chromosomes do not fit, see `Genome`.
    """
    if not files:
        raise ValueError("files is empty; name one, for example genome.files=[genome.fa.gz]")
    chromosomes: dict[str, Codes] = {}
    for file in files:
        for record, codes in read_sequences(Path(file).expanduser()):
            if record in chromosomes:
                raise InputError(f"{file}: a second sequence is named {record}; rename one")
            chromosomes[record] = codes
    return Genome(name, chromosomes, tuple(dev), tuple(test), species)


def read_sequences(path: Path) -> Iterator[tuple[str, Codes]]:
    """Yield name and upper-case ASCII codes of each sequence of a file.

    Raises:
        InputError: If the file cannot be read, is neither FASTA nor GenBank, or holds a sequence
            that is empty or has a letter other than the IUPAC codes of DNA.
    """
    content = _read(path)
    start = content[:1024].lstrip()
    if start.startswith(b">"):
        records = _fasta_records(content)
    elif start.startswith(b"LOCUS"):
        records = _genbank_records(content, path)
    else:
        raise InputError(f"{path}: neither FASTA (starts with >) nor GenBank (starts with LOCUS)")
    for name, letters in records:
        codes = np.frombuffer(letters.upper(), dtype=np.uint8)
        if not name:
            raise InputError(f"{path}: a sequence has no name; write one behind its >")
        if not len(codes):
            raise InputError(f"{path}: sequence {name} is empty; leave it out")
        unknown = ~_KNOWN[codes]
        if unknown.any():
            at = int(unknown.argmax())
            raise InputError(
                f"{path}: sequence {name} has {chr(codes[at])!r} at base {at + 1:,}, which is no "
                f"letter of DNA ({_LETTERS.decode()}); clean the file"
            )
        yield name, codes


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP) else content
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: cannot be read ({reason}); check genome.files") from error


def _fasta_records(content: bytes) -> Iterator[tuple[str, bytes]]:
    """A line > starts a record; its first word is the name; blanks in the sequence are dropped."""
    for record in (b"\n" + content.replace(b"\r", b"\n")).split(b"\n>")[1:]:
        header, _, lines = record.partition(b"\n")
        words = header.split()
        yield words[0].decode("utf-8", "replace") if words else "", lines.translate(None, b" \t\n")


def _genbank_records(content: bytes, path: Path) -> Iterator[tuple[str, bytes]]:
    """LOCUS names a record, its sequence stands between ORIGIN and //."""
    for record in (b"\n" + content.replace(b"\r", b"\n")).split(b"\nLOCUS")[1:]:
        words = record.partition(b"\n")[0].split()
        _, origin, lines = record.partition(b"\nORIGIN")
        name = words[0].decode("utf-8", "replace") if words else ""
        sequence, end, _ = lines.partition(b"\n//")
        if not origin or not end:
            raise InputError(
                f"{path}: record {name} has no sequence from ORIGIN to //; get a whole copy"
            )
        yield name, sequence.partition(b"\n")[2].translate(None, _NOT_SEQUENCE)
