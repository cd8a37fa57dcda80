"""A command like `dnaft.train` whose runs take a moment: python sweep_program.py -m seed=1,2.

A run does STEPS steps, keeps a checkpoint after each, goes on from it if it is resumed, and its
score follows from its configuration. The file of the environment variable SWEEP_LOG gets a line at
each step and at the end of each run, so that a test can count what was done.
"""

import os
import time
from pathlib import Path
from typing import Any

from dnaft.command_line import CommandLine
from dnaft.errors import InputError
from dnaft.record import RunRecord
from dnaft.run_folder import CHECKPOINTS, LAST_CHECKPOINT, RESULT

STEPS = 8


def note(*words: object) -> None:
    line = " ".join(map(str, words)) + "\n"
    descriptor = os.open(os.environ["SWEEP_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line.encode())
    os.close(descriptor)


def score(config: dict[str, Any]) -> float:
    """Best, 0.5, at a dropout of 0.3 and seed 0."""
    distance = abs(config["method"]["inject"].get("dropout", 0.0) - 0.3)
    return float(0.5 - distance - config["seed"] / 1000)


def job(config: dict[str, Any], folder: Path, choices: dict[str, str]) -> None:
    seed = config["seed"]
    if seed == 13:
        raise InputError("seed: 13 brings bad luck; take another")
    if seed == 14:
        raise KeyError("a bug")
    if seed == 15:
        os._exit(9)
    checkpoint = folder / CHECKPOINTS / LAST_CHECKPOINT
    first = int(checkpoint.read_text()) if config["resume"] else 0
    checkpoint.parent.mkdir(exist_ok=True)
    name = f"{choices['method']}-{seed}"
    for step in range(first, STEPS):
        time.sleep(float(os.environ.get("SWEEP_SECONDS", "0")) / STEPS)
        part = checkpoint.with_suffix(".part")
        part.write_text(str(step + 1))
        os.replace(part, checkpoint)
        note("step", name, step + 1)
        print(f"step {step + 1}", flush=True)
    RunRecord(
        task=config["task"]["name"],
        model=choices["model"],
        method=choices["method"],
        seed=seed,
        config=config,
        code_version="0",
        data={},
        parameters={"trainable": 1, "total": 1, "fraction": 1.0},
        scores={"dev": {"mcc": score(config)}, "test": {"mcc": 0.5}},
        chosen={"step": STEPS, "metric": "mcc", "value": score(config)},
        timing={"seconds": 1.0},
    ).write(folder / RESULT)
    note("done", name)


def main() -> None:
    CommandLine("train", job)()


if __name__ == "__main__":
    main()
