"""What a run of a sweep prints goes to a file in its folder."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

LOG = "output.log"


class _Switch(io.TextIOBase):
    """Writes to one stream or another; whoever keeps it never holds a closed file."""

    def __init__(self, target: TextIO) -> None:
        self.target = target

    def write(self, text: str) -> int:
        return self.target.write(text)

    def flush(self) -> None:
        self.target.flush()

    def isatty(self) -> bool:
        return self.target.isatty()

    def fileno(self) -> int:
        return self.target.fileno()

    def writable(self) -> bool:
        return True


@contextmanager
def kept_streams() -> Iterator[TextIO]:
    """Put standard output and error back at the end; yields standard output as it was."""
    streams = sys.stdout, sys.stderr
    try:
        yield streams[0]
    finally:
        sys.stdout, sys.stderr = streams


@contextmanager
def output_to(folder: Path) -> Iterator[None]:
    """Send standard output and error to `output.log` in a folder, behind what is there."""
    with opened_log(folder) as file, sent_to(file):
        yield


def opened_log(folder: Path) -> TextIO:
    """Open the file for what a run prints."""
    return (folder / LOG).open("a", encoding="utf-8", buffering=1)


@contextmanager
def sent_to(file: TextIO) -> Iterator[None]:
    """Send standard output and error to a file.

    The streams stay switches afterwards: loggers of libraries keep the stream that they find at
    their import, and that must not be the closed file of the run that happened to import them.
    """
    out = sys.stdout = sys.stdout if isinstance(sys.stdout, _Switch) else _Switch(sys.stdout)
    err = sys.stderr = sys.stderr if isinstance(sys.stderr, _Switch) else _Switch(sys.stderr)
    before = out.target, err.target
    out.target = err.target = file
    try:
        yield
    finally:
        out.target, err.target = before


def last_line(folder: Path) -> str:
    """Return the last line that a run printed, or nothing."""
    try:
        with (folder / LOG).open("rb") as file:
            file.seek(0, io.SEEK_END)
            file.seek(max(0, file.tell() - 2000))
            lines = file.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
