"""What a terminal shows while a sweep runs: a table that is kept up to date, or lines."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dnaft.run_folder import is_finished, numbered
from dnaft.sweeps.run_output import LOG, last_line
from dnaft.sweeps.summary import Entry, Summary, describe, duration, score

if TYPE_CHECKING:
    from rich.console import Group

_MOST_FAILED = 5
_MOST_RUNNING = 16


class Progress:
    """Tells of a sweep.

    Args:
        summary: The sweep.
        stream: Where to.
        live: A table that changes in place; else a line for each run that ends.
    """

    def __init__(self, summary: Summary, stream: TextIO, live: bool) -> None:
        self.summary = summary
        self.stream = stream
        self.live = live

    def begin(self) -> None:
        """Tell how many runs there are, and how many are done already."""
        before = len(self.summary.done)
        print(
            f"{self.summary.total} runs" + (f", {before} of them done already" if before else ""),
            file=self.stream,
            flush=True,
        )

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the progress within."""
        if not self.live or len(self.summary.done) == self.summary.total:
            yield
            return
        from rich.console import Console
        from rich.live import Live

        console = Console(file=self.stream)
        with Live(
            get_renderable=lambda: picture(self.summary),
            console=console,
            refresh_per_second=2,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        ):
            yield

    def ended(self, entry: Entry) -> None:
        """Tell that a run ended."""
        if self.live:
            return
        over = len(self.summary.done) + len(self.summary.failed)
        seconds = duration(entry.outcome.seconds) if entry.outcome is not None else ""
        left = self.summary.seconds_left()
        more = f", {duration(left)} left" if left else ""
        print(
            f"[{over}/{self.summary.total}] {describe(entry)} ({seconds}{more})",
            file=self.stream,
            flush=True,
        )


def wants_table(stream: TextIO, progress: bool) -> bool:
    """Whether someone can see a table change: at a terminal, and not in continuous integration."""
    return progress and stream.isatty() and not os.environ.get("CI")


def picture(summary: Summary) -> "Group":
    """Return the table of the moment, for rich."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    running = running_entries(summary)
    table = Table(box=None, pad_edge=False, show_header=False)
    for column in range(4):
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=60 if column == 1 else None)
    for entry, folder, seconds in running[:_MOST_RUNNING]:
        table.add_row("running", Text(entry.label), duration(seconds), Text(last_line(folder)))
    for entry in summary.failed[:_MOST_FAILED]:
        message = entry.outcome.message if entry.outcome else ""
        table.add_row("failed", Text(entry.label), "", Text(message))
    return Group(Text(headline(summary, len(running))), table)


def headline(summary: Summary, running: int) -> str:
    """Return the counts, the best run so far, and the time that is left."""
    total, done, failed = summary.total, len(summary.done), len(summary.failed)
    parts = [f"{done} of {total} done", f"{running} running", f"{failed} failed"]
    best = summary.best()
    if best is not None and best.result is not None:
        metric = best.result.chosen["metric"]
        parts.append(f"best on dev: {metric} {score(best) or 0.0:.4f}, {best.label}")
    left = summary.seconds_left()
    if left:
        parts.append(f"about {duration(left)} left")
    return "  |  ".join(parts)


def running_entries(summary: Summary) -> list[tuple[Entry, Path, float]]:
    """Return the runs that print at the moment, with folder and age, on whatever machine."""
    found = []
    now = time.time()
    for entry in summary.entries:
        if entry.folder is not None or entry.outcome is not None:
            continue
        for folder in reversed(numbered(entry.base)):
            if is_finished(folder):
                continue
            try:
                # Hydra's notes are made when a process begins with the run, and only then.
                begun = (folder / ".hydra" / "overrides.yaml").stat().st_mtime
                printed = (folder / LOG).stat().st_mtime
            except OSError:
                continue
            if printed >= summary.started:
                found.append((entry, folder, now - max(begun, summary.started)))
                break
    return found
