"""How cost grows with sequence length, rank, rows and labels: table, exponents, plot.

    OMP_NUM_THREADS=1 python benchmarks/growth.py [--folder FOLDER] [--most-rows 4000000] [--quick]

Seconds of a training step by tokens of a sequence (a BERT of 8 layers with LoRA, kept or
computed twice) and by rank (yeast_mini with LoRA, and with adaptive ranks, allocation included); of
writing a store and of an epoch of its loader by rows; of head, loss and scores by labels. The
exponent is that of the power of the size that fits best: least squares on logarithms, once over all
sizes and once over the upper half of them, where what a step costs anyhow counts less.

Each point is a line of FOLDER/growth.csv as soon as it is measured; started again, the command goes
on with those that are missing, and writes docs/growth.csv, docs/growth.md and
docs/images/growth.png. 4 million rows take 220 MB of disk and, on one weak core, hours.
"""

import argparse
import csv
import math
from collections.abc import Sequence
from pathlib import Path

import growth_points as points
import matplotlib as mpl
import numpy as np
from growth_points import Cost
from tables import table

from dnaft import environment

mpl.use("Agg")
from matplotlib import pyplot as plt

DOCS = Path(__file__).resolve().parents[1] / "docs"
FILE = "growth.csv"
FIELDS = ("sweep", "series", "size", "seconds", "bytes")
SWEEPS = {  # name: what is on the axis, series, sizes
    "length": ("tokens a row", ("kept", "checkpointed"), (128, 256, 512, 1024, 2048)),
    "rank": ("rank", ("lora", "adaptive ranks"), (2, 4, 8, 16, 32, 64)),
    "rows": (
        "rows",
        ("prepare", "epoch"),
        (1_000, 4_000, 16_000, 64_000, 256_000, 1_000_000, 4_000_000),
    ),
    "labels": ("labels", ("head and loss", "scores"), (2, 8, 32, 128, 512, 919)),
}
Points = dict[tuple[str, str, int], Cost]


def read(file: Path) -> Points:
    """Return what was measured before."""
    if not file.is_file():
        return {}
    with file.open(newline="") as content:
        return {
            (row["sweep"], row["series"], int(row["size"])): Cost(
                float(row["seconds"]), int(row["bytes"]) if row["bytes"] else None
            )
            for row in csv.DictReader(content)
        }


def write(found: Points, file: Path) -> None:
    """Write all points, in order."""
    with file.open("w", newline="") as content:
        writer = csv.writer(content, lineterminator="\n")
        writer.writerow(FIELDS)
        for sweep, (_, series, sizes) in SWEEPS.items():
            for key in ((sweep, name, size) for name in series for size in sizes):
                if key in found:
                    cost = found[key]
                    memory = "" if cost.bytes is None else cost.bytes
                    writer.writerow([*key, f"{cost.seconds:.6g}", memory])


def measure(folder: Path, most_rows: int, repeats: int) -> Points:
    """Measure what is missing in `folder`; return everything."""
    file = folder / FILE
    found = read(file)
    for sweep, (_, series, sizes) in SWEEPS.items():
        for size in sizes:
            for name in series:
                if (sweep, name, size) in found or (sweep == "rows" and size > most_rows):
                    continue
                if sweep == "rows":
                    cost = points.rows(size, name, repeats, folder)
                else:
                    cost = getattr(points, sweep)(size, name, repeats)
                found[sweep, name, size] = cost
                write(found, file)
                print(f"{sweep} {name} {size:,}: {cost.seconds:.4g} s", flush=True)
    return found


def exponent(line: Sequence[tuple[int, float]]) -> float:
    """Return b of the power a * size^b that fits best, by least squares on logarithms."""
    if len(line) < 2:
        return math.nan
    size, cost = (np.log([pair[i] for pair in line]) for i in (0, 1))
    return float(np.polyfit(size, cost, 1)[0])


def curve(found: Points, sweep: str, series: str) -> list[tuple[int, Cost]]:
    """Return the points of a series by size."""
    return sorted((k[2], cost) for k, cost in found.items() if k[:2] == (sweep, series))


def draw(found: Points, file: Path) -> None:
    """Draw all sweeps, both axes logarithmic, with the exponents."""
    figure, panels = plt.subplots(2, 2, figsize=(10, 8.5), layout="constrained")
    for panel, (sweep, (label, series, _)) in zip(panels.flat, SWEEPS.items(), strict=True):
        for name in series:
            line = [(size, cost.seconds) for size, cost in curve(found, sweep, name)]
            if line:
                upper = exponent(line[len(line) // 2 :])
                text = f"{name}: {exponent(line):.2f}, upper half {upper:.2f}"
                panel.loglog(*zip(*line, strict=True), marker="o", label=text)
        sizes = sorted({key[2] for key in found if key[0] == sweep})
        panel.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=7)
        panel.minorticks_off()
        low, high = panel.get_ylim()
        if high < 10 * low:  # what hardly grows is to look so
            middle = math.sqrt(low * high)
            panel.set_ylim(middle / 10**0.5, middle * 10**0.5)
        panel.set_xlabel(label)
        panel.set_ylabel("seconds")
        panel.grid(alpha=0.3)
        panel.legend(title="fitted exponent", fontsize=8, loc="lower left", bbox_to_anchor=(0, 1))
    file.parent.mkdir(exist_ok=True)
    figure.savefig(file, dpi=110)


def page(found: Points) -> str:
    """Return the numbers as a page."""
    lines = [["sweep", "series", "smallest", "largest", "seconds", "exponent", "upper half"]]
    lines[0] += ["MiB at the largest", "exponent of memory, upper half"]
    for sweep, (label, series, _) in SWEEPS.items():
        for name in series:
            line = curve(found, sweep, name)
            if not line:
                continue
            time = [(size, cost.seconds) for size, cost in line]
            memory = [(size, cost.bytes) for size, cost in line if cost.bytes]
            last = line[-1][1]
            lines.append(
                [
                    label, name, f"{line[0][0]:,}", f"{line[-1][0]:,}",
                    f"{line[0][1].seconds:.3g} to {last.seconds:.3g}",
                    f"{exponent(time):.2f}", f"{exponent(time[len(time) // 2 :]):.2f}",
                    "-" if last.bytes is None else f"{last.bytes / 2**20:,.0f}",
                    f"{exponent(memory[len(memory) // 2 :]):.2f}" if len(memory) > 3 else "-",
                ]
            )  # fmt: skip
    facts = environment.describe()
    where = ", ".join(facts.get("gpus") or [f"{facts['cpu']}, {facts['torch_threads']} thread(s)"])
    return (
        "# How cost grows: numbers\n\n"
        f"Written by `benchmarks/growth.py`; {where}. What the columns mean: "
        "[benchmarks.md](benchmarks.md#how-cost-grows). Each point: [growth.csv](growth.csv).\n\n"
        f"{table(lines)}\n"
    )


def main() -> None:
    """Measure, then write the table, the page and the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("outputs/growth"))
    parser.add_argument("--most-rows", type=int, default=4_000_000, help="largest store")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="64,000 rows at most, 2 repeats")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where table and picture go")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    most, repeats = options.most_rows, options.repeats
    if options.quick:
        most, repeats = min(most, 64_000), 2
    found = measure(options.folder, most, repeats)
    write(found, options.docs / FILE)
    (options.docs / "growth.md").write_text(page(found), encoding="utf-8")
    draw(found, options.docs / "images" / "growth.png")


if __name__ == "__main__":
    main()
