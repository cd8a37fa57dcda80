"""A genome as pretraining sees it: chromosomes, some of which are held out."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dnaft.errors import near
from dnaft.pretraining.regions import Regions

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")

Codes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Genome:
    """Chromosomes by name, and which of them training never sees.

    Attributes:
        name: What to call the genome.
        chromosomes: Upper-case ASCII codes of the plus strand, each (length,) uint8; letters
            other than A, C, G, T may occur, no example holds them.
        dev: Names of the chromosomes that held-out numbers come from.
        test: Names of further chromosomes kept aside, for tasks of the same genome.
        species: Name of the species token, where a tokenizer has one.
        regions: What the annotation says about each base; None for plain sequence.

    Raises:
        ValueError: If a held-out chromosome does not exist, is named twice, or leaves nothing to
            train on, or dev is empty.
    """

    name: str
    chromosomes: Mapping[str, Codes]
    dev: Sequence[str]
    test: Sequence[str] = ()
    species: str | None = None
    regions: Regions | None = None

    def __post_init__(self) -> None:
        held_out = [("dev", name) for name in self.dev] + [("test", name) for name in self.test]
        seen: dict[str, str] = {}
        for split, name in held_out:
            if name not in self.chromosomes:
                raise ValueError(
                    f"{split} names {name!r}, which {self.name} does not have; "
                    f"{near(name, _some(self.chromosomes))}"
                )
            if name in seen:
                raise ValueError(f"{split} names {name!r}, which is in {seen[name]} already")
            seen[name] = split
        if not self.dev:
            raise ValueError(
                "dev is empty, so nothing would tell whether the model has learnt more than words; "
                f"hold one chromosome out: {', '.join(_some(self.chromosomes))}"
            )
        if not self.names("train"):
            raise ValueError(
                f"dev and test hold out all of {', '.join(_some(self.chromosomes))}: nothing is "
                "left to train on"
            )

    def names(self, split: Split) -> list[str]:
        """Return the chromosomes of a split, in the order of the files."""
        if split != "train":
            return [name for name in self.chromosomes if name in getattr(self, split)]
        return [name for name in self.chromosomes if name not in (*self.dev, *self.test)]

    def codes(self, split: Split) -> list[Codes]:
        """Return the sequences of a split, in the order of `names`."""
        return [self.chromosomes[name] for name in self.names(split)]

    def summary(self) -> dict[str, Any]:
        """Return names and bases of each split and a checksum of all sequence."""
        digest = hashlib.sha256()
        for name, codes in self.chromosomes.items():
            digest.update(f">{name}\n".encode())
            digest.update(codes.tobytes())
        splits: dict[str, Any] = {
            split: {
                "chromosomes": self.names(split),
                "bases": sum(len(codes) for codes in self.codes(split)),
            }
            for split in SPLITS
        }
        return {"name": self.name, **splits, "sha256": digest.hexdigest()}


def _some(names: Iterable[str]) -> list[str]:
    """Return names for a message; assemblies can have thousands."""
    names = list(names)
    return names if len(names) <= 30 else [*names[:30], f"... ({len(names)} in all)"]
