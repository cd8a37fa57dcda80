"""What a terminal shows while a sweep runs: a table that is kept up to date, or lines."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dnaft.errors import counted
from dnaft.run_folder import is_finished, numbered
from dnaft.sweeps.best import best_of_tasks
from dnaft.sweeps.run_output import LOG, last_line
from dnaft.sweeps.summary import Entry, Summary, describe, duration

if TYPE_CHECKING:
    from rich.console import Group

_MOST_FAILED = 5
_MOST_RUNNING = 16
_MOST_BEST = 12
_STATUS, _LABEL, _AGE = 7, 24, 9  # widths of columns, that of labels at least
_SOON = 10  # so many runs are composed before someone wonders


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

    def composing(self, runs: int) -> None:
        """Tell what takes so long, if it does."""
        if runs > _SOON:
            print(f"composing {runs} runs", file=self.stream, flush=True)

    def begin(self) -> None:
        """Tell how many runs there are, and how many are done already."""
        before = len(self.summary.done)
        print(
            counted(self.summary.total, "run")
            + (f", {before} of them done already" if before else ""),
            file=self.stream,
            flush=True,
        )

    def left_out(self, label: str, other: str) -> None:
        """Tell that a run has the configuration of another one."""
        print(f"left out {label}: the same as {other}", file=self.stream, flush=True)

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
            get_renderable=lambda: picture(self.summary, console.width),
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
        ages = [age for _, _, age in running_entries(self.summary)]
        left = self.summary.seconds_left(ages)
        more = f", {duration(left)} left" if left else ""
        print(
            f"[{over}/{self.summary.total}] {describe(entry)} ({seconds}{more})",
            file=self.stream,
            flush=True,
        )


def wants_table(stream: TextIO, progress: bool) -> bool:
    """Whether someone can see a table change: at a terminal, and not in continuous integration."""
    return progress and stream.isatty() and not os.environ.get("CI")


def picture(summary: Summary, width: int) -> "Group":
    """Return the table of the moment, for rich.

    Args:
        summary: The sweep.
        width: Characters in a line. What a run prints gives way first, then the front of its label:
            its end tells it from its neighbours.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    running = running_entries(summary)
    rows = [
        ("running", entry.label, duration(seconds), last_line(folder))
        for entry, folder, seconds in running[:_MOST_RUNNING]
    ]
    for entry in summary.failed[:_MOST_FAILED]:
        rows.append(("failed", entry.label, "", entry.outcome.message if entry.outcome else ""))
    best = best_of_tasks(summary.done)
    if len(best) > 1:
        for one in best[:_MOST_BEST]:
            rows.append(("best", one.label, "", f"{one.task}: dev {one.scored}"))
        if len(best) > _MOST_BEST:
            rows.append(("", f"and of {counted(len(best) - _MOST_BEST, 'task')} more", "", ""))
    label = min(max((len(row[1]) for row in rows), default=0), max(_LABEL, width // 3))
    left = width - _STATUS - label - _AGE - 6  # two blanks between columns
    table = Table(box=None, pad_edge=False, show_header=False)
    for size in (_STATUS, label, _AGE):
        table.add_column(no_wrap=True, min_width=size, max_width=size)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(1, left))
    for status, name, age, text in rows:
        table.add_row(status, Text(_without_front(name, label)), age, Text(text))
    return Group(Text(headline(summary, [seconds for _, _, seconds in running])), table)


def _without_front(text: str, length: int) -> str:
    return text if len(text) <= length else "…" + text[1 - length :]


def headline(summary: Summary, ages: Sequence[float]) -> str:
    """Return the counts, the best run so far if there is one task, and the time that is left.

    Args:
        summary: The sweep.
        ages: Seconds since the runs began that are not over yet.
    """
    total, done, failed = summary.total, len(summary.done), len(summary.failed)
    parts = [f"{done} of {total} done", f"{len(ages)} running", f"{failed} failed"]
    best = best_of_tasks(summary.done)
    if len(best) == 1:
        parts.append(f"best on dev: {best[0].scored}, {best[0].label}")
    left = summary.seconds_left(ages)
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
