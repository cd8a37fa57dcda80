"""What --help prints: the yaml files as they are, so that nothing is composed to show it."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from dnaft.conf_files import choices, config_dir

# A line of the defaults list that chooses a file of a group; `override` lines choose Hydra's own.
_GROUP = re.compile(r"^  - (\w+): (\w+|\[\])", re.MULTILINE)


def help_wanted(typed: Sequence[str], command: str, about: str, examples: str) -> str | None:
    """Return the help text if the arguments ask for it.

    Args:
        typed: Arguments of the command line.
        command: File of conf/ that describes the whole of a job.
        about: What the command does, a sentence.
        examples: Command lines.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--help", "-h", action="store_true")
    parser.add_argument("--config-dir", "-cd", type=Path)
    known, _ = parser.parse_known_args(typed)
    if not known.help:
        return None
    folders = [known.config_dir] if known.config_dir else []
    defaults, *blocks = Path(config_dir(), f"{command}.yaml").read_text("utf-8").split("\n\n")
    groups = [
        f"{group}: {', '.join(choices(group, folders))}\n  default: {default}"
        for group, default in _GROUP.findall(defaults)
    ]
    keys = [block.strip("\n") for block in blocks if not block.startswith("hydra:")]
    parts = [
        f"python -m dnaft.{command} [GROUP=NAME ...] [KEY=VALUE ...]",
        about,
        "Groups: GROUP=NAME chooses a file.",
        *groups,
        "Keys: KEY=VALUE changes a value, here or in a chosen file (method.rank=4).",
        *keys,
        "Examples:",
        examples.rstrip("\n"),
        "All keys with their values, also of the chosen files, without a run: --cfg job\n"
        "Flags such as --multirun, --config-dir: --hydra-help",
    ]
    return "\n\n".join(parts)
