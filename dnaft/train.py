"""The command line: `python -m dnaft.train method=adalora_rs task=prom_tata`.

Only Hydra is imported here, so that `--help`, `--cfg job` and a mistyped override answer at once;
what trains is imported when there is something to train.
"""

from pathlib import Path
from typing import Any

from dnaft.command_line import CommandLine
from dnaft.settings import check_settings


def _train(config: dict[str, Any], folder: Path, choices: dict[str, str]) -> None:
    check_settings(config)
    from dnaft.run import run

    run(config, folder, choices)


def main() -> None:
    """Run the command line; exit with status 2 and a message if the input is wrong."""
    CommandLine("train", _train)()


if __name__ == "__main__":
    main()
