"""What benchmarks printed, kept in outputs/bench with the machine and the code they ran on."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from runs import ROOT

from dnaft.environment import code_version, describe
from dnaft.precision import choose_precision, device_type

FOLDER = ROOT / "outputs" / "bench"
PACKAGES = ("torch", "transformers", "peft", "lightning")
Facts = dict[str, str]


def facts(at_a_time: int) -> Facts:
    """Return what changes a time here: processor, cores, versions, precision, code.

    Args:
        at_a_time: Benchmarks that run side by side, each on one core.
    """
    found = describe()
    packages, cores = found["packages"], found["cores_usable"]
    precision, reason = choose_precision("auto", device_type("auto"))
    return {
        "processor": f"{found['cpu']}, {cores} core{'s' * (cores != 1)}",
        "benchmarks at a time": str(at_a_time),
        "GPUs": ", ".join(found["gpus"]) or "none",
        "Python": found["python"],
        **{name: packages[name] or "none" for name in PACKAGES},
        "`trainer.precision=auto`": f"`{precision}`, {reason}",
        "dnaft": code_version(),
    }


def is_kept(name: str) -> bool:
    """Whether a benchmark was measured."""
    return (FOLDER / f"{name}.md").is_file()


def keep(name: str, printed: str, at_a_time: int) -> None:
    """Keep what a benchmark has just printed, with the facts in the first line."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = f"{json.dumps(facts(at_a_time))}\n{printed}"
    (FOLDER / f"{name}.md").write_text(text, encoding="utf-8")


def read(name: str) -> tuple[Facts, str]:
    """Return the facts and what was printed."""
    first, _, printed = (FOLDER / f"{name}.md").read_text(encoding="utf-8").partition("\n")
    return json.loads(first), printed.strip()


def commonest(names: Iterable[str]) -> Facts:
    """Return of each fact what most of these benchmarks have."""
    found = [read(name)[0] for name in names]
    return {key: Counter(f.get(key, "?") for f in found).most_common(1)[0][0] for key in found[0]}


def show_facts(of: Facts) -> str:
    """Return facts as a list: `processor AMD EPYC, 2 cores; torch 2.9`."""
    return "; ".join(f"{key} {value}" for key, value in of.items())


def show(name: str, command: str, usual: Facts) -> str:
    """Return for the page what a benchmark printed, under its command, marked if it stands apart.

    Args:
        name: The benchmark.
        command: How it was started.
        usual: The facts that the page names for all.
    """
    own, text = read(name)
    # Between tables and sentences there is an empty line.
    text = re.sub(r"\|\n(?=[^|\n])", "|\n\n", re.sub(r"(?<=[^|\n])\n\|", "\n\n|", text))
    other = {key: value for key, value in own.items() if usual.get(key) != value}
    mark = f"*Measured apart from the others: {show_facts(other)}.*\n\n" if other else ""
    return f"    OMP_NUM_THREADS=1 python benchmarks/{command}\n\n{mark}{text}"


def find_cell(name: str, row: tuple[str, ...], column: str) -> str:
    """Return a cell of the tables that a benchmark printed.

    Args:
        name: The benchmark.
        row: The first cells of its line.
        column: The header of its column.

    Raises:
        SystemExit: If there is none.
    """
    header: list[str] = []
    for line in read(name)[1].splitlines():
        if not line.startswith("|"):
            header = []
            continue
        cells: Any = [cell.strip() for cell in line.strip("|").split("|")]
        if not header:
            header = cells
        elif column in header and tuple(cells[: len(row)]) == row:
            return str(cells[header.index(column)])
    raise SystemExit(f"{name}: no cell {' '.join(row)}, {column}; measure it again")
