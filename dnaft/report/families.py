"""Which tasks belong together."""

MARKS = (
    "h3", "h3k4me1", "h3k4me2", "h3k4me3", "h3k9ac", "h3k14ac", "h3k36me3", "h3k79me3", "h4",
    "h4ac",
)  # fmt: skip


def family(task: str) -> tuple[str, str]:
    """Return the family of a task and its name within: what stands before the last mark, or `_`.

    >>> family("h3k4me1"), family("nt_h3"), family("prom_tata"), family("covid")
    (('', 'h3k4me1'), ('nt', 'h3'), ('prom', 'tata'), ('', 'covid'))
    """
    name = task.partition(" ")[0]
    for mark in MARKS:
        if name == mark or name.endswith(f"_{mark}"):
            return name.removesuffix(mark).rstrip("_"), mark
    before, _, after = name.partition("_")
    return (before, after) if after else ("", before)
