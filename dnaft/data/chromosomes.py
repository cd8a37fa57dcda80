"""The sequences of a genome: FASTA or GenBank, told apart by their first bytes."""

from collections.abc import Iterator
from pathlib import Path

from dnaft.data.content import open_stream, read_bytes
from dnaft.data.fasta import fasta_records
from dnaft.errors import InputError

_LETTERS = b"ACGTRYSWKMBDHVN"  # bases, and the IUPAC codes for one of several
_KNOWN = _LETTERS + _LETTERS.lower()
_NOT_SEQUENCE = b" \t\r\n0123456789"  # of GenBank's ORIGIN lines
_PEEKED = 1024


def read_chromosomes(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and letters, in the case of the file, of each sequence, one at a time.

    The name is the first word of a FASTA header, or that of a LOCUS line.

    Raises:
        InputError: If the file cannot be read, is neither FASTA nor GenBank, or holds a sequence
            that is empty, has no name, or has a letter other than the IUPAC codes of DNA.
    """
    where = str(path)
    with open_stream(path, where) as stream:
        start = stream.read(_PEEKED).lstrip()
    if start.startswith(b">"):
        records = _fasta_records(path, where)
    elif start.startswith(b"LOCUS"):
        records = _genbank_records(path, where)
    else:
        raise InputError(f"{path}: neither FASTA (starts with >) nor GenBank (starts with LOCUS)")
    for name, letters in records:
        if not name:
            raise InputError(f"{path}: a sequence has no name; write one behind its >")
        if not letters:
            raise InputError(f"{path}: sequence {name} is empty; leave it out")
        unknown = letters.translate(None, _KNOWN)
        if unknown:
            at = letters.index(unknown[:1])
            raise InputError(
                f"{path}: sequence {name} has {chr(unknown[0])!r} at base {at + 1:,}, which is no "
                f"letter of DNA ({_LETTERS.decode()}); clean the file"
            )
        yield name, letters


def _fasta_records(path: Path, where: str) -> Iterator[tuple[str, bytes]]:
    for record in fasta_records(path, where=where):
        yield next(iter(record.header.split()), ""), record.letters


def _genbank_records(path: Path, where: str) -> Iterator[tuple[str, bytes]]:
    """LOCUS names a record, its sequence stands between ORIGIN and //."""
    content, _ = read_bytes(path, where)
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
