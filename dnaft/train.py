"""The command line: `python -m dnaft.train method=adalora_rs task=prom_tata`.

`--help` needs the standard library alone, `--cfg job` and a mistyped override Hydra, so that they
answer at once; what trains is imported when there is something to train.
"""

import sys
from pathlib import Path
from typing import Any

from dnaft.usage import help_wanted

ABOUT = "dnaft: fine-tune language models on DNA."
EXAMPLES = """\
  python -m dnaft.train task=prom_tata method=adalora_rs data_dir=FOLDER
  python -m dnaft.train -m method=lora,dora method.rank=4,8 seed=1,2,3
  python -m dnaft.train sweep=rank task=prom_tata data_dir=FOLDER hydra/launcher=joblib
"""


def _train(config: dict[str, Any], folder: Path, choices: dict[str, str]) -> None:
    from dnaft.settings import check_settings

    check_settings(config)
    from dnaft.processes import run_in_processes

    run_in_processes(config, folder, choices)


def main() -> None:
    """Run the command line; exit with status 2 and a message if the input is wrong."""
    text = help_wanted(sys.argv[1:], "train", ABOUT, EXAMPLES)
    if text is not None:
        print(text)
        return
    from dnaft.command_line import CommandLine

    CommandLine("train", _train)()


if __name__ == "__main__":
    main()
