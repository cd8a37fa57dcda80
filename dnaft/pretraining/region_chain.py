"""The order-n Markov chain that is told what region each base lies in."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dnaft.pretraining.genome import Genome
from dnaft.pretraining.markov import Floats, MarkovChain, word_numbers, words_by_strand
from dnaft.pretraining.regions import Labels

# So many words, distributed as in the whole genome, are added to those of each context and label.
_SHRINKAGE = 20.0


@dataclass(frozen=True, eq=False)
class RegionChain:
    """Bases 0 to 3, each drawn given the `order` bases before it and its own region.

    What the names of regions alone are worth: text that names them tells a model as much.

    Attributes:
        plain: The chain of all regions together.
        next: Probability of the next base, (labels, 4**order, 4).
    """

    plain: MarkovChain
    next: Floats

    @classmethod
    def count(cls, genome: Genome, plain: MarkovChain) -> Self:
        """Estimate the chain from the training chromosomes, both strands.

        Args:
            genome: With an annotation.
            plain: The chain of the same chromosomes; what is rare in a region is drawn to it.

        Raises:
            ValueError: If the genome has no annotation.
        """
        regions = genome.regions
        if regions is None:
            raise ValueError(f"genome: {genome.name} has no annotation")
        order, words = plain.order, 4 ** (plain.order + 1)
        counts = np.zeros(len(regions.domains) * words)
        for name in genome.names("train"):
            codes = genome.chromosomes[name]
            for begin, end, strand, numbers in words_by_strand(codes, order + 1):
                labels = regions.read(name, begin, end, strand)[order:].astype(np.int64)
                counts += np.bincount(labels * words + numbers, minlength=len(counts))
        table = counts.reshape(len(regions.domains), -1, 4)
        totals = table.sum(axis=2, keepdims=True)
        return cls(plain, (table + _SHRINKAGE * plain.next) / (totals + _SHRINKAGE))

    def next_base_nats(self, bases: NDArray[np.uint8], labels: Labels) -> Floats:
        """Return -log p of each base given those before it and its region, (length,).

        The first `order` bases have the probability that the plain chain gives them.

        Args:
            bases: 0 to 3, (length,).
            labels: Region of each, (length,).
        """
        nats: Floats = self.plain.next_base_nats(bases[None])[0]
        order = self.plain.order
        contexts = word_numbers(bases, order)[: max(0, len(bases) - order)]
        nats[order:] = -np.log(self.next[labels[order:], contexts, bases[order:]])
        return nats
