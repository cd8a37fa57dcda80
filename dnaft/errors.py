"""The one error that means: the input is wrong, not the program."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Wrong input of the user: a file, a value of the configuration, a folder.

    The message says what is wrong, where (file and line, or configuration key) and how to fix
    it. The command line prints it without a traceback and exits with status 2.
    """


def near(word: str, known: Iterable[str]) -> str:
    """Return how a message goes on after an unknown word: the likely one, or all there are."""
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"


def quoted(text: str, most: int = 60) -> str:
    """Return a text from a file for a message: in quotes, on one line, cut if it is long.

    >>> quoted("ACGT" * 100, most=12)
    "'ACGTACGTACGT...' (400 characters)"
    """
    if len(text) <= most:
        return repr(text)
    return f"{repr(text[:most])[:-1]}...{repr(text)[-1]} ({len(text):,} characters)"


def listed(texts: Iterable[str], most: int = 30) -> str:
    """Return names from a file for a message: in quotes, the first ones if they are many."""
    texts = list(texts)
    more = f", ... ({len(texts):,} in all)" if len(texts) > most else ""
    return ", ".join(map(quoted, texts[:most])) + more


def whole_number(key: str, value: object, least: int) -> int:
    """Return a value of the configuration that must be a whole number.

    Raises:
        InputError: If it is none, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{key}: must be a whole number, {least} or more, got {value}")
    return value


def counted(count: int, noun: str) -> str:
    """Return a count with its noun.

    >>> counted(1, "run"), counted(1200, "run")
    ('1 run', '1,200 runs')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
