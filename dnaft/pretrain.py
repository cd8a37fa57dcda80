"""The command line: `python -m dnaft.pretrain genome=yeast model=tiny`.

`--help` needs the standard library alone, `--cfg job` and a mistyped override Hydra, so that they
answer at once; what trains is imported when there is something to train.
"""

import sys
from pathlib import Path
from typing import Any

from dnaft.exit_status import show
from dnaft.usage import help_wanted

ABOUT = "dnaft: pretrain language models on a genome."
EXAMPLES = """\
  python -m dnaft.pretrain model=tiny tokenizer=character plan.steps=2000
  python -m dnaft.pretrain genome=fasta genome.name=mine 'genome.files=[mine.fa.gz]' \\
    'genome.dev=[chr2]'
  python -m dnaft.pretrain ... session.hours=8, then the same with resume=true
"""


def _pretrain(config: dict[str, Any], folder: Path, choices: dict[str, str]) -> None:
    from dnaft.settings import check_pretrain_settings

    check_pretrain_settings(config)
    from dnaft.pretrain_run import pretrain

    pretrain(config, folder, choices)


def main() -> None:
    """Run the command line; exit with status 2 and a message if the input is wrong."""
    text = help_wanted(sys.argv[1:], "pretrain", ABOUT, EXAMPLES)
    if text is not None:
        show(f"{text}\n")
        return
    from dnaft.command_line import CommandLine

    CommandLine("pretrain", _pretrain)()


if __name__ == "__main__":
    main()
