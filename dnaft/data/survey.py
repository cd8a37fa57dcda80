"""How many tokens rows on disk make, counted once before anyone trains on them.

Rows of a store are encoded in each batch anew, so whether they fit a model, and which are alike in
length, must be found out beforehand. Counts stay in the cache: four bytes a row and some totals.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnaft.data.cache import cached_files, content_key
from dnaft.data.stored_table import StoredTable
from dnaft.data.table import SequenceTable
from dnaft.data.tokens import TokenRows
from dnaft.data.truncation import Truncation, count_truncation
from dnaft.data.windows import Windowed, count_windows

log = logging.getLogger(__name__)

_LENGTHS, _TOTALS = "lengths.bin", "totals.json"
_LENGTH = np.dtype("<u4")
_EXTREMES = {"min": min, "max": max, "most_lost_bp": max, "most_windows": max}


@dataclass(frozen=True)
class Survey:
    """Token counts of a split, on one strand.

    Attributes:
        lengths: File with the tokens of the longest window of each row, uint32.
        rows: Rows.
        tokens: Fewest, mean and most tokens of a row, all its windows together.
        truncation: What the limit on tokens costs.
        windows: What is read in windows.
        equal: The tokens of the longest window of every row, if they are the same in all.
    """

    lengths: Path
    rows: int
    tokens: dict[str, float]
    truncation: Truncation
    windows: Windowed
    equal: int | None

    def longest_windows(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the tokens of the longest window of some rows, (rows,)."""
        if self.equal is not None:
            return np.full(len(rows), self.equal, np.int64)
        known = np.memmap(self.lengths, _LENGTH, "r", shape=(self.rows,))
        return known[rows].astype(np.int64)


def survey(
    table: StoredTable,
    encode: Callable[[SequenceTable], TokenRows],
    encoding_key: tuple[str | int | None, ...],
    cache_dir: str,
    turned: bool,
) -> Survey:
    """Count the tokens of all rows, or read what an earlier run counted.

    Args:
        table: The rows.
        encode: Encodes some of them.
        encoding_key: All that the tokens of a row depend on beside its bases.
        cache_dir: Where the counts are kept.
        turned: Count those of the reverse complements.

    Raises:
        InputError: If of a row no base fits, or the cache cannot be written.
    """
    strand = "reverse complements" if turned else "as given"
    key = content_key([table.split.sha256], "survey", strand, *encoding_key)

    def fill(folder: Path) -> None:
        log.info(
            "%s: counting the tokens of %s rows (%s), once; later runs read the counts",
            table.where,
            f"{len(table):,}",
            strand,
        )
        with (folder / _LENGTHS).open("wb") as file:
            totals = None
            for block in table.blocks():
                rows = encode(block.other_strand() if turned else block)
                file.write(rows.longest_windows().astype(_LENGTH).tobytes())
                found = _count(block, rows)
                totals = found if totals is None else _add(totals, found)
        (folder / _TOTALS).write_text(json.dumps(totals))

    files = {path.name: path for path in cached_files(cache_dir, key, fill)}
    totals = json.loads(files[_TOTALS].read_text())
    tokens, longest = totals["tokens"], totals["longest"]
    return Survey(
        lengths=files[_LENGTHS],
        rows=len(table),
        tokens={
            "min": tokens["min"],
            "mean": round(tokens["total"] / len(table), 3),
            "max": tokens["max"],
        },
        truncation=Truncation(**totals["truncation"]),
        windows=Windowed(**totals["windows"]),
        equal=longest["max"] if longest["min"] == longest["max"] else None,
    )


def _count(block: SequenceTable, rows: TokenRows) -> dict[str, dict[str, int]]:
    lengths, longest = rows.lengths(), rows.longest_windows()
    return {
        "tokens": {
            "min": int(lengths.min()),
            "total": int(lengths.sum()),
            "max": int(lengths.max()),
        },
        "longest": {"min": int(longest.min()), "max": int(longest.max())},
        "truncation": asdict(count_truncation(block.lengths_bp(), rows.kept_bp)),
        "windows": asdict(count_windows(rows.windows())),
    }


def _add(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Join the counts of two blocks: extremes of extremes, sums of all others."""
    return {
        what: {
            name: _EXTREMES.get(name, int.__add__)(value, second[what][name])
            for name, value in counts.items()
        }
        for what, counts in first.items()
    }
