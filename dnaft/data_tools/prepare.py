"""`python -m dnaft.data prepare COLLECTION`: large collections as stores that training reads."""

import os
from collections.abc import Sequence
from pathlib import Path

from dnaft import arguments
from dnaft.errors import InputError, near

USAGE = """\
python -m dnaft.data prepare deepsea src=FOLDER [out=FOLDER] [names=FILE]

Turn the published files of DeepSEA into a store, which training reads without loading it: two bits
a base, one bit a label. It can be stopped at any time; the same command then goes on. Where the
store is complete, its checksums are looked through.

  src=FOLDER    holds train.mat, valid.mat and test.mat, as published
  out=FOLDER    the store. Default: deepsea in the folder of the data, $DNAFT_DATA_DIR or data
  names=FILE    a name for each of the 919 labels, one a line, in their order; for tables of scores

train.mat needs h5py: pip install 'dnaft[deepsea]'.
"""
_COLLECTIONS = ("deepsea",)
_KEYS = ("src", "out", "names")


def main(typed: Sequence[str]) -> None:
    """Prepare a collection.

    Raises:
        InputError: If there is no such collection, a key or a file is wrong.
    """
    if not typed:
        raise InputError(f"prepare: name a collection: {', '.join(_COLLECTIONS)}; try --help")
    collection, *rest = typed
    if collection not in _COLLECTIONS:
        raise InputError(f"{collection}: no such collection; {near(collection, _COLLECTIONS)}")
    given = arguments.parse(rest, _KEYS)
    if "src" not in given:
        raise InputError("src: has no value; give the folder of the published files, src=FOLDER")
    default = Path(os.environ.get("DNAFT_DATA_DIR", "data"), collection)
    from dnaft.data_tools.deepsea import Settings, prepare

    prepare(
        Settings(
            src=Path(given["src"]).expanduser(),
            out=Path(given["out"]).expanduser() if "out" in given else default.expanduser(),
            names=Path(given["names"]).expanduser() if "names" in given else None,
        )
    )
