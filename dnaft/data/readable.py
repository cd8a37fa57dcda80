"""What a task keeps in its rows, and a tokenizer may not read."""

from dnaft.data.table import SequenceTable
from dnaft.errors import InputError, near, quoted
from dnaft.tokenizers.base import SpeciesTokenizer, Tokenizer

_PROBE = "acgtacgttgcatgcaaacccgggttt"


def check_readable(table: SequenceTable, tokenizer: Tokenizer) -> None:
    """Refuse rows whose species or soft mask would be lost in silence.

    Raises:
        InputError: If rows say their species and the tokenizer has no token for it, or hold
            lower-case letters that are unknown to it.
    """
    if table.species is not None:
        _check_species(table, table.species, tokenizer)
    if not all(text.isupper() for column in table.columns() for text in column):
        _check_case(table, tokenizer)


def _check_species(table: SequenceTable, species: list[str], tokenizer: Tokenizer) -> None:
    known = tokenizer.species_ids if isinstance(tokenizer, SpeciesTokenizer) else {}
    if not known:
        raise InputError(
            f"tokenizer: {type(tokenizer).__name__} has no tokens of species here, and "
            "task.source.species_column names one for each row; choose tokenizer=specieslm, name "
            "them in tokenizer.species_ids of a tokenizer=kmer, or set "
            "task.source.species_column=null"
        )
    for row, name in enumerate(species):
        if name not in known:
            raise InputError(
                f"{table.place(row)}: the tokenizer has no species {quoted(name)}; "
                f"{near(name, list(known)[:30])}"
            )


def _check_case(table: SequenceTable, tokenizer: Tokenizer) -> None:
    frame = set(tokenizer.encode([""])[0].tolist())
    tokens = set(tokenizer.encode([_PROBE])[0].tolist()) - frame
    if tokens <= {tokenizer.unk_id}:
        raise InputError(
            f"{table.where}: task.case=keep leaves lower-case letters, which "
            f"{type(tokenizer).__name__} reads as unknown; set task.case=upper, or mask to hide "
            "them behind N"
        )
