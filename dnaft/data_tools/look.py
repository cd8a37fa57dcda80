"""All columns of a user's file as text, before anything is decided about them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dnaft.data.bed import bed_names, read_bed
from dnaft.data.content import open_stream
from dnaft.data.delimited import separator_of
from dnaft.data.fasta import FastaRecord, fasta_records
from dnaft.data.fasta_rows import LABEL_BEHIND_BAR, NAME_FIRST
from dnaft.data.genome_windows import WindowRule, cut_windows
from dnaft.data.tabular import column_names, read_columns, table_format
from dnaft.data_tools.guess import holds_sequences, is_number
from dnaft.errors import InputError

Form = Literal["table", "fasta", "bed"]

_FASTA = (".fa", ".fasta", ".fna", ".ffn")
_BED = (".bed", ".narrowpeak", ".broadpeak")
_NAMES_OF_SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars", " ": "blanks"}
_MOST_LABELS = 50
# Ways to write a label into a header, the most particular first.
_PATTERNS = (
    r".*\b(?:label|class)[=:](?P<label>[^\s|;,]+).*",
    LABEL_BEHIND_BAR,
    r"(?P<id>\S+)\s+(?P<label>\S+)",
)


@dataclass(frozen=True)
class Look:
    """What stands in a file.

    Attributes:
        path: The file.
        form: Which task reads it.
        description: Its format in words.
        columns: Texts of each column, by name.
        sequences: Of FASTA and BED; those of a table are one of its columns.
        header_pattern: Of FASTA: how headers hold columns; None for the pattern that is the
            default.
        separator: Of delimited files: what parts the columns, if the name of the file does not say
            it.
        column_names: Of delimited files without a header line.
    """

    path: Path
    form: Form
    description: str
    columns: dict[str, list[str]]
    sequences: list[str] | None = None
    header_pattern: str | None = None
    separator: str | None = None
    column_names: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.sequences or next(iter(self.columns.values()), []))


def form_of(path: Path) -> Form:
    """Return which task reads a file, by its name or, failing that, by its first letter.

    Raises:
        InputError: If the file cannot be read.
    """
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix in _FASTA:
        return "fasta"
    if suffix in _BED:
        return "bed"
    with open_stream(path, str(path)) as stream:
        return "fasta" if stream.read(1) == b">" else "table"


def look_at_table(path: Path, separator: str | None) -> Look:
    """Read all columns of a table.

    Args:
        path: The file.
        separator: Of a delimited file; by default the one that parts its header.

    Raises:
        InputError: If the file cannot be read, or a name comes twice.
    """
    form = table_format(path)
    names = column_names(path, form=form, separator=separator)
    if form == "delimited" and separator is None and len(names) == 1:
        separator = next((s for s in _NAMES_OF_SEPARATORS if s in names[0]), None)
        names = column_names(path, form=form, separator=separator)
    if not names:
        raise InputError(f"{path}: the file is empty; it needs a header line and rows")
    given = _names_for(names) if form == "delimited" and _is_data(names) else ()
    names = list(given) or names
    found = read_columns(
        path,
        [("column", name) for name in names],
        form=form,
        separator=separator,
        column_names=given,
    )
    description = {"parquet": "parquet", "jsonl": "JSON lines"}.get(form)
    if description is None:
        parted = separator or separator_of(path)
        description = f"columns parted by {_NAMES_OF_SEPARATORS.get(parted, repr(parted))}"
        description += ", no header line" if given else ""
    columns = dict(zip(names, found.texts, strict=True))
    return Look(path, "table", description, columns, separator=separator, column_names=given)


def look_at_fasta(path: Path, table: Path | None, id_column: str) -> Look:
    """Read sequences, and the columns of their headers or of a table beside them.

    Args:
        path: The FASTA file.
        table: The table, if there is one.
        id_column: Its column with the names.

    Raises:
        InputError: If a file cannot be read.
    """
    records = list(fasta_records(path))
    sequences = [record.letters.decode("utf-8") for record in records]
    if table is not None:
        look = look_at_table(table, None)
        if id_column not in look.columns:
            raise InputError(
                f"{table}: no column {id_column!r}; there are {', '.join(look.columns)}. Name the "
                "one with the names of the sequences: id=COLUMN"
            )
        columns = {name: texts for name, texts in look.columns.items() if name != id_column}
        return Look(path, "fasta", f"FASTA, labels in {table}", columns, sequences)
    pattern = _header_pattern(records)
    groups = re.compile(pattern)
    columns = {name: [] for name in groups.groupindex}
    for record in records:
        found = groups.fullmatch(record.header)
        for name, texts in columns.items():
            texts.append(found[name] if found is not None else "")
    shown = None if pattern in (LABEL_BEHIND_BAR, NAME_FIRST) else pattern
    return Look(path, "fasta", "FASTA", columns, sequences, header_pattern=shown)


def look_at_bed(path: Path, genome: Path | None) -> Look:
    """Read intervals and, if there is a genome, their sequences.

    Args:
        path: The BED file.
        genome: FASTA or GenBank.

    Raises:
        InputError: If a file cannot be read, or an interval is not in the genome.
    """
    names = bed_names(path)
    found = read_bed(path, [("column", name) for name in names[3:]])
    columns = {"chrom": found.chrom, **found.columns}
    sequences = None
    if genome is not None:
        windows = cut_windows(genome, [found], WindowRule(outside="pad"), 0)[0]
        sequences = [text for text in windows if text is not None]
    return Look(path, "bed", f"BED of {len(names)} columns", columns, sequences)


def _is_data(names: list[str]) -> bool:
    """Say whether what stands in the first line is a row: it holds a sequence or a number."""
    return any(holds_sequences([name]) or is_number(name) for name in names)


def _names_for(cells: list[str]) -> tuple[str, ...]:
    sequences = [i for i, cell in enumerate(cells) if holds_sequences([cell])]
    first = sequences[0] if sequences else -1
    return tuple("sequence" if i == first else f"column{i + 1}" for i in range(len(cells)))


def _header_pattern(records: list[FastaRecord]) -> str:
    """Return the first pattern that fits all headers and finds few different labels."""
    for pattern in _PATTERNS:
        found = [re.fullmatch(pattern, record.header) for record in records]
        labels = {match["label"] for match in found if match is not None}
        if all(found) and 2 <= len(labels) <= _MOST_LABELS:
            return pattern
    return NAME_FIRST
