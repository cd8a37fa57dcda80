"""Commands on data: `python -m dnaft.data COMMAND`.

Each command is a module with `USAGE`, its help text, and `main(typed)`, which takes the arguments
behind the command and raises InputError for what is wrong with them. It is imported when it is
asked for.
"""

import importlib
import sys

from dnaft.errors import InputError, near
from dnaft.exit_status import EXIT_BAD_INPUT, exit_status, show

COMMANDS = {
    "get": "fetch a benchmark, or unpack its archive",
    "check": "count, compare and describe the data of a task",
    "inspect": "look into a file of yours and write a task for it",
    "prepare": "turn a large collection into files that training reads",
    "quality": "report leaks, conflicts and what trivial models score",
}


def main() -> None:
    """Run a command; exit with status 2 and a message if the input is wrong."""
    typed = sys.argv[1:]
    if not typed or typed[0] in ("-h", "--help"):
        listed = "".join(f"  {name:9} {what}\n" for name, what in COMMANDS.items())
        show(
            f"python -m dnaft.data COMMAND [KEY=VALUE ...]\n\n{listed}\n"
            "python -m dnaft.data COMMAND --help tells more.\n"
        )
        sys.exit(0 if typed else EXIT_BAD_INPUT)
    with exit_status():
        command, *rest = typed
        if command not in COMMANDS:
            raise InputError(f"{command}: there is no such command; {near(command, COMMANDS)}")
        module = importlib.import_module(f"dnaft.data_tools.{command}")
        if {"-h", "--help"} & set(rest):
            show(module.USAGE)
            return
        module.main(rest)
