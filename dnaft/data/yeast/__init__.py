"""The yeast suite: labelled windows of the yeast genome that come with the package.

One file a task holds its recipe; docs/yeast.md has the reasons and the counts.
`python -m dnaft.data.yeast` builds the files, or compares them with what the recipes give.
"""

from dnaft.data.yeast.chromosomes import HELD_OUT_FIRST, SPLIT_BY_CHROMOSOME, split_of

__all__ = ["HELD_OUT_FIRST", "SPLIT_BY_CHROMOSOME", "split_of"]
