"""The command line: `python -m dnaft.train method=adalora_rs task=prom_tata`.

`--help` needs the standard library alone, `--cfg job` and a mistyped override Hydra, so that they
answer at once; what trains is imported when there is something to train.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dnaft.errors import InputError
from dnaft.exit_status import show
from dnaft.usage import help_wanted

if TYPE_CHECKING:
    from dnaft.sweeps.plan import Cost, Rehearse

ABOUT = "dnaft: fine-tune language models on DNA."
EXAMPLES = """\
  python -m dnaft.train task=prom_tata method=adalora_rs data_dir=FOLDER
  python -m dnaft.train -m method=lora,dora method.rank=4,8 seed=1,2,3
  python -m dnaft.train sweep=rank task=prom_tata data_dir=FOLDER hydra/launcher=joblib
"""


def _train(config: dict[str, Any], folder: Path, choices: dict[str, str]) -> None:
    from dnaft.settings import DRY_RUN, check_settings, read_dry_run

    check_settings(config)
    if read_dry_run(config["dry_run"]) != DRY_RUN[0]:
        raise InputError("dry_run: hydra.mode=RUN asks for the run itself; leave one of them out")
    from dnaft.processes import run_in_processes

    run_in_processes(config, folder, choices)


class _Rehearse:
    """Tries out runs; imports what that needs when there is one."""

    def __init__(self) -> None:
        self._rehearsals: Rehearse | None = None

    def __call__(self, config: dict[str, Any]) -> "Cost":
        if self._rehearsals is None:
            from dnaft.rehearsal import Rehearsals

            self._rehearsals = Rehearsals()
        return self._rehearsals(config)


def main() -> None:
    """Run the command line; exit with status 2 and a message if the input is wrong."""
    text = help_wanted(sys.argv[1:], "train", ABOUT, EXAMPLES)
    if text is not None:
        show(f"{text}\n")
        return
    from dnaft.command_line import CommandLine

    CommandLine("train", _train, _Rehearse())()


if __name__ == "__main__":
    main()
