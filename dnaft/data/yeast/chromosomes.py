"""Which chromosomes are trained on, and which are held out."""

from dnaft.data.yeast_genome import Chromosome

SPLIT_BY_CHROMOSOME = {5: "test", 10: "test", 16: "test", 8: "dev", 14: "dev"}  # others: train
HELD_OUT_FIRST = ("test", "dev", "train")  # who may keep a near-identical window


def split_of(chromosome: int) -> str:
    """Return the split of chromosome 1 to 16."""
    return SPLIT_BY_CHROMOSOME.get(chromosome, "train")


def chromosomes_of(genome: list[Chromosome], split: str) -> list[Chromosome]:
    """Return the chromosomes of a split, in the order of the genome."""
    return [chromosome for chromosome in genome if split_of(chromosome.number) == split]
