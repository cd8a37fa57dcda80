"""How a command ends: 0 if it did what it was asked for, else with one of these."""

import os
import sys
from collections.abc import Iterator
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
