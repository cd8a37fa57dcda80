"""The page docs/method_results.md, from the numbers of single runs."""

import statistics
from pathlib import Path

from study import BASELINES, METRICS, SEEDS, fill, swept
from tables import Row, compare, show, show_rate, table

SWEEP_TASKS = ("prom_tata", "tf_2", "yeast_strand")
TABLE_TASKS = ("prom_tata", "tf_2", "yeast_strand", "yeast_tata")
# Methods without a learning rate, whose seed changes nothing.
UNSEEDED = {**BASELINES, "layer_probe": "`layer_probe`"}
# Four rates a method, each about three times the one before, around those of common use.
_WEIGHTS = ("0.0001", "0.0003", "0.001", "0.003")
_ADAPTERS = ("0.0003", "0.001", "0.003", "0.01")
_SCALES = ("0.001", "0.003", "0.01", "0.03")
_VECTORS = ("0.003", "0.01", "0.03", "0.1")
RATES = {
    "full": _WEIGHTS,
    "partial": _WEIGHTS,
    "bitfit": _ADAPTERS,
    "linear_probe": _SCALES,
    "lora": _ADAPTERS,
    "rslora": _ADAPTERS,
    "loraplus": _WEIGHTS,
    "dora": _ADAPTERS,
    "adalora": _SCALES,
    "adalora_rs": _SCALES,
    "loha": _SCALES,
    "lokr": _SCALES,
    "vera": _VECTORS,
    "ia3": _SCALES,
    "bottleneck": _ADAPTERS,
    "prompt_tuning": _VECTORS,
    "p_tuning": _ADAPTERS,
}
_SAMPLER = "method.callbacks.rank_sampler"
OPTIONS = {
    "values come back from the shadow": (f"{_SAMPLER}.masked_values=shadow",),
    "importance from masking steps only": (f"{_SAMPLER}.accumulate=masking_steps",),
    "last mask not drawn": (f"{_SAMPLER}.last_mask=deterministic",),
    "budget in parameters": (f"{_SAMPLER}.budget_unit=parameters",),
    "compact": (f"{_SAMPLER}.compact=true",),
}


class Numbers:
    """The scores of all runs.

    Args:
        rows: The lines of docs/method_results.csv.
    """

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def swept(self, method: str, rate: str) -> float:
        """Return the dev MCC that a learning rate had in the sweep, mean of its tasks."""
        wanted = {"method": method, "lr": rate, "option": ""}
        return swept(self.rows, SWEEP_TASKS, wanted)

    def rate(self, method: str) -> str:
        """Return the learning rate that dev chose in the sweep; some methods have none."""
        if method in UNSEEDED:
            return ""
        return max(RATES[method], key=lambda rate: self.swept(method, rate))

    def rows_of(self, task: str, method: str, option: str = "") -> list[Row]:
        """Return the runs of a method at its rate, one a seed.

        Raises:
            SystemExit: If one is missing.
        """
        seeds = SEEDS[:1] if method in UNSEEDED else SEEDS
        wanted = (task, method, option, self.rate(method))
        found = {
            int(row["seed"]): row
            for row in self.rows
            if (row["task"], row["method"], row["option"], row["lr"]) == wanted
        }
        if not found.keys() >= set(seeds):
            raise SystemExit(f"{task} {method} {option}: runs are missing")
        return [found[seed] for seed in seeds]

    def of(self, task: str, method: str, score: str, option: str = "") -> list[float]:
        """Return one number, such as `test_mcc`, for each seed."""
        return [float(row[score]) for row in self.rows_of(task, method, option)]


def sweep_table(numbers: Numbers) -> str:
    """Return what each learning rate had on dev, the chosen ones in bold."""
    lines = [["", "learning rates", *(f"dev MCC, rate {n}" for n in range(1, 5))]]
    for method, rates in RATES.items():
        chosen = numbers.rate(method)
        scores = [(rate, show([numbers.swept(method, rate)])) for rate in rates]
        cells = [f"**{score}**" if rate == chosen else score for rate, score in scores]
        lines.append([f"`{method}`", ", ".join(map(show_rate, rates)), *cells])
    return table(lines)


def method_table(numbers: Numbers, metric: str) -> str:
    """Return dev and test of every method on every task, with what it took."""
    lines = [["", *(f"{task}, dev / test" for task in TABLE_TASKS)]]
    for method, name in (*UNSEEDED.items(), *((m, f"`{m}`") for m in RATES)):
        cells = []
        for task in TABLE_TASKS:
            dev, test = (numbers.of(task, method, f"{split}_{metric}") for split in ("dev", "test"))
            cells.append(f"{show([statistics.mean(dev)])} / {show(test)}")
        lines.append([name, *cells])
    return table(lines)


def cost_table(numbers: Numbers) -> str:
    """Return parameters, seconds and memory of every method on the first task."""
    task = TABLE_TASKS[0]
    lines = [["", "learning rate", "trained parameters", "seconds of training", "peak memory, MB"]]
    for method in RATES:
        trained = numbers.of(task, method, "trainable")
        seconds, memory = (numbers.of(task, method, n) for n in ("train_seconds", "megabytes"))
        lines.append(
            [
                f"`{method}`",
                show_rate(numbers.rate(method)),
                f"{trained[0]:,.0f}",
                f"{statistics.median(seconds):.0f}",
                f"{statistics.median(memory):,.0f}",
            ]
        )
    return table(lines)


_COMPARED = ["mean difference", "95% interval", "effect size d", "p, t-test", "p, Wilcoxon"]


def option_table(numbers: Numbers) -> str:
    """Return each option of rank sampling beside the default, paired over tasks and seeds."""
    lines = [["", "dev MCC", "test MCC", *(f"{name}, dev" for name in _COMPARED[:4])]]

    def scores(option: str, split: str) -> list[float]:
        tasks = (numbers.of(t, "adalora_rs", f"{split}_mcc", option) for t in SWEEP_TASKS)
        return [score for task in tasks for score in task]

    for option in ("", *OPTIONS):
        dev = scores(option, "dev")
        against = compare(dev, scores("", "dev"))[:4] if option else ["", "", "", ""]
        means = [show([statistics.mean(values)]) for values in (dev, scores(option, "test"))]
        lines.append([option or "default", *means, *against])
    return table(lines)


def write(rows: list[Row], docs: Path) -> None:
    """Write the page.

    Args:
        rows: The numbers of all runs.
        docs: Its folder.
    """
    numbers = Numbers(rows)
    hours = sum(float(row["seconds"]) for row in rows) / 3600
    values = {
        "runs": str(len(rows)),
        "hours": f"{hours:.1f}",
        "sweep": sweep_table(numbers),
        "costs": cost_table(numbers),
        "options": option_table(numbers),
    }
    for metric in METRICS:
        values[f"methods_{metric}"] = method_table(numbers, metric)
    fill("methods", values, docs / "method_results.md")
