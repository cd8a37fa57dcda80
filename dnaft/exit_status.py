"""How a command ends: 0 if it did what it was asked for, else with one of these."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from dnaft.errors import InputError

EXIT_BUG = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
# Hydra's variable: errors are shown with all calls that led to them.
FULL_ERROR = "HYDRA_FULL_ERROR"


@contextmanager
def exit_status() -> Iterator[None]:
    """End the process with a message and 2 for wrong input, with 130 if it is interrupted."""
    try:
        yield
    except InputError as error:
        if os.environ.get(FULL_ERROR) == "1":
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(EXIT_BAD_INPUT)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


def show(text: str) -> None:
    """Print a text to standard output, of which a reader such as `head` may take a part only."""
    try:
        print(text, end="", flush=True)
    except BrokenPipeError:
        # What is left would be written, and fail, once more when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run_command(usage: str, work: Callable[[Sequence[str]], None]) -> None:
    """Run a command on what was typed, and end as `exit_status` does.

    Args:
        usage: Printed for `--help`; also, with status 2, if nothing was typed.
        work: Takes the arguments.
    """
    typed = sys.argv[1:]
    if not typed or {"-h", "--help"} & set(typed):
        show(usage)
        sys.exit(0 if typed else EXIT_BAD_INPUT)
    with exit_status():
        work(typed)
