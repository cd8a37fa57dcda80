"""The command line: `python -m dnaft.wandb_sweep method=lora,dora method.rank=2,4`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from dnaft.errors import InputError
from dnaft.exit_status import run_command

USAGE = """\
python -m dnaft.wandb_sweep [GROUP=NAME ...] [KEY=VALUE ...] [out=FILE]

Write a sweep for `wandb sweep` and its agents; the arguments are those of a sweep of dnaft.train:

  python -m dnaft.wandb_sweep method=lora,dora method.rank=2,4 seed=1,2
  python -m dnaft.wandb_sweep sweep=rank task=prom_tata data_dir=FOLDER
  python -m dnaft.wandb_sweep hydra/sweeper=optuna hydra.sweeper.trials=30 method=lora \\
    'method.optimizer.lr=tag(log,interval(1e-4,1e-2))' method.rank=4,8,16

  out=FILE    where to (wandb_sweep.yaml); it must not exist

Combinations make a grid, hydra/sweeper=optuna a search for the best dev score. All runs of a grid
are composed first, and all choices and ends of a search.
"""
_OUT = "out="


def write(typed: Sequence[str]) -> None:
    """Read the arguments, compose the runs, write the file.

    Raises:
        InputError: If an argument is wrong, or the file exists.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--multirun", "-m", action="store_true")
    parser.add_argument("--config-dir", "-cd", type=Path)
    known, rest = parser.parse_known_args(typed)
    flags = [argument for argument in rest if argument.startswith("-")]
    if flags:
        raise InputError(f"{flags[0]}: there is no such flag here; try --help")
    files = [argument.removeprefix(_OUT) for argument in rest if argument.startswith(_OUT)]
    if len(files) > 1:
        raise InputError("out: is given twice; leave one out")
    out = Path(files[0] if files else "wandb_sweep.yaml").expanduser()
    if out.exists():
        raise InputError(f"out: {out} exists; give another with out=FILE, or remove it")

    import yaml

    from dnaft.sweeps.wandb_yaml import describe

    sweep = describe([a for a in rest if not a.startswith(_OUT)], known.config_dir)
    text = yaml.safe_dump(sweep, sort_keys=False, allow_unicode=True, width=1000)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"out: cannot write {out} ({error.strerror})") from error
    print(f"{out}: a {sweep['method']} sweep of {', '.join(sweep['parameters'])}")
    print(f"start it: wandb sweep {out}")
    print("then, where runs are to be done, the line with `wandb agent` that this prints")


def main() -> None:
    """Run the command line; exit with status 2 and a message if the input is wrong."""
    run_command(USAGE, write)


if __name__ == "__main__":
    main()
