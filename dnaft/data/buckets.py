"""Batches of rows of like length: less padding, for what is still a random order."""

import numpy as np
from numpy.typing import NDArray


def bucket(
    order: NDArray[np.int64], lengths: NDArray[np.int64], batch_size: int, together: int, seed: int
) -> NDArray[np.int64]:
    """Rearrange an epoch's order so that each batch holds rows of like length.

    `together` batches at a time are sorted by length, cut into batches, and all batches of the
    epoch are shuffled; the last one, if smaller than the others, stays last. Rows of equal length
    keep their order, so nothing changes where all rows are equally long.

    Args:
        order: A random order of rows.
        lengths: Tokens of each row of the data set.
        batch_size: Rows a batch.
        together: Batches sorted at a time; 1 leaves each batch's rows as they are drawn.
        seed: Decides the order of the batches.

    Returns:
        The same rows; each `batch_size` of them in turn are a batch.
    """
    if together == 1 or len(set(lengths[order].tolist())) <= 1:
        return order
    pool = batch_size * together
    pools = [order[begin : begin + pool] for begin in range(0, len(order), pool)]
    ordered = np.concatenate([rows[np.argsort(lengths[rows], kind="stable")] for rows in pools])
    whole = len(ordered) // batch_size
    batches = ordered[: whole * batch_size].reshape(whole, batch_size)
    shuffled = np.random.default_rng(seed).permutation(batches)
    return np.concatenate([shuffled.reshape(-1), ordered[whole * batch_size :]])
