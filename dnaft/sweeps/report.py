"""The end of a sweep: the results in one table, then what failed."""

import shlex
import sys
from collections.abc import Sequence

from dnaft.sweeps.best import Best, best_of_tasks
from dnaft.sweeps.summary import Summary
from dnaft.sweeps.work import Outcome

_OFFLINE = "wandb/offline-run-*"


def report_sweep(summary: Summary, traceback_wanted: bool) -> list[Outcome]:
    """Print the results of a sweep, then its failures to standard error.

    Args:
        summary: The sweep, empty if there was none.
        traceback_wanted: Show the calls that led to an error even for wrong input.

    Returns:
        The outcomes that are failures.
    """
    table = summary.table()
    if table:
        print(f"\n{len(summary.done)} of {summary.total} runs are done, the best on dev last:\n")
        print(table)
    best = best_of_tasks(summary.done)
    if len(best) == 1:
        print(f"\nbest on dev: {best[0].label}, {best[0].scored}\nrun folder: {best[0].folder}")
    elif best:
        print(f"\nbest on dev of each task:\n{_listed(best)}")
    offline = [e.folder for e in summary.done if e.folder and any(e.folder.glob(_OFFLINE))]
    if offline:
        runs = shlex.quote(str(offline[0].parents[3]))
        print(f"W&B ran offline; upload with: wandb sync {runs}/*/*/*/*/{_OFFLINE}")
    failed = [(e, e.outcome) for e in summary.failed if e.outcome is not None]
    shown = set()
    for entry, outcome in failed:
        wanted = traceback_wanted or not outcome.wrong_input
        if outcome.trace and wanted and outcome.trace not in shown:
            shown.add(outcome.trace)
            print(outcome.trace.rstrip(), file=sys.stderr)
        print(f"error: {entry.label}: {outcome.message}", file=sys.stderr)
    if failed:
        print(f"error: {len(failed)} of {summary.total} runs failed", file=sys.stderr)
    return [outcome for _, outcome in failed]


def _listed(best: Sequence[Best]) -> str:
    """Return a line for each of the best settings, its columns aligned, the run folder last."""
    rows = [(one.task, one.scored, one.label, str(one.folder)) for one in best]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
