"""The page docs/embedded.md and its picture, from the numbers of single runs."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from scipy.stats import ttest_rel, wilcoxon
from study import BASELINES, METRICS, fill, swept
from tables import Row, show, show_p, show_rate, table

TASKS = ("promoter", "tata", "strand", "orientation", "start", "coding")
METHODS = {"full": "full", "lora": "LoRA", "adalora": "AdaLoRA", "adalora_rs": "AdaLoRA+RS"}
# What pretraining is tested under: each method, and the mean of all.
COMPARED = {name: [method] for method, name in METHODS.items()}
COMPARED["the mean of the four"] = list(METHODS)
WEIGHTS = ("random", "pretrained")
# The other packaged models, under one method beside the first.
OTHERS = ("yeast_mini_bpe", "yeast_mini_kmer", "yeast_mini_opt")
OTHERS_METHOD = "lora"
# What the sweep tries, on these tasks, with the first seed.
RATES = {
    "full": ("0.0003", "0.001", "0.003"),
    "lora": ("0.0003", "0.001", "0.003", "0.01"),
    "adalora": ("0.003", "0.01", "0.03"),
    "adalora_rs": ("0.003", "0.01", "0.03"),
}
SWEEP_TASKS = ("tata", "strand")
SIGNIFICANT = 0.05
STYLES: tuple[Literal["--", ":"], ...] = ("--", ":")


class Numbers:
    """The scores of all runs.

    Args:
        rows: The lines of docs/embedded.csv.
    """

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def swept(self, weights: str, method: str, rate: str) -> float:
        """Return the dev MCC that a learning rate had in the sweep, mean of its tasks."""
        wanted = {"weights": weights, "method": method, "lr": rate}
        return swept(self.rows, SWEEP_TASKS, wanted)

    def rate(self, weights: str, method: str) -> str:
        """Return the learning rate that dev chose in the sweep; baselines have none."""
        if method in BASELINES:
            return ""
        return max(RATES[method], key=lambda rate: self.swept(weights, method, rate))

    def of(self, task: str, weights: str, method: str, score: str) -> list[float]:
        """Return one score, such as `test_mcc`, for each seed at the chosen learning rate."""
        wanted = (task, weights, method, self.rate(weights, method))
        rows = [r for r in self.rows if (r["task"], r["weights"], r["method"], r["lr"]) == wanted]
        return [float(r[score]) for r in sorted(rows, key=lambda row: int(row["seed"]))]

    def mean(self, task: str, weights: str, method: str, score: str) -> float:
        """Return its mean over the seeds."""
        return statistics.mean(self.of(task, weights, method, score))

    def both(self, methods: Sequence[str], score: str) -> tuple[list[float], list[float]]:
        """Return the means of pretrained and of random weights over methods, task by task."""
        pretrained, random = (
            [statistics.mean(self.mean(t, weights, m, score) for m in methods) for t in TASKS]
            for weights in ("pretrained", "random")
        )
        return pretrained, random

    def best_method(self, task: str, metric: str) -> str:
        """Return the method whose pretrained runs have the best mean on dev."""
        return max(METHODS, key=lambda m: self.mean(task, "pretrained", m, f"dev_{metric}"))

    def best_baseline(self, task: str, metric: str) -> str:
        """Return the baseline with the better test score: the harder one to beat."""
        return max(BASELINES, key=lambda m: self.mean(task, "none", m, f"test_{metric}"))


def score_table(numbers: Numbers, metric: str) -> str:
    """Return the test scores of all methods on all tasks."""
    score = f"test_{metric}"
    lines = [["", *TASKS]]
    for method, name in BASELINES.items():
        lines.append([name, *(show(numbers.of(task, "none", method, score)) for task in TASKS)])
    for method, name in METHODS.items():
        for weights in WEIGHTS:
            cells = [show(numbers.of(task, weights, method, score)) for task in TASKS]
            lines.append([f"{name}, {weights}", *cells])
    return table(lines)


def gain_table(numbers: Numbers, metric: str) -> str:
    """Return what pretraining adds under each method, with two paired tests over the tasks."""
    lines = [["", "mean gain", "tasks it helps", "p, t-test", "p, Wilcoxon"]]
    for name, methods in COMPARED.items():
        pretrained, random = numbers.both(methods, f"test_{metric}")
        gains = [a - b for a, b in zip(pretrained, random, strict=True)]
        lines.append(
            [
                name,
                f"{statistics.mean(gains):+.3f}",
                f"{sum(gain > 0 for gain in gains)} of {len(gains)}",
                show_p(ttest_rel(pretrained, random).pvalue),
                show_p(wilcoxon(pretrained, random).pvalue),
            ]
        )
    return table(lines)


def baseline_table(numbers: Numbers, metric: str) -> str:
    """Return the best method of each task, chosen on dev, beside the better baseline on test."""
    score = f"test_{metric}"
    lines = [["", "best method on dev", "its test score", "better baseline", "its test score"]]
    for task in TASKS:
        method, baseline = numbers.best_method(task, metric), numbers.best_baseline(task, metric)
        lines.append(
            [
                task,
                METHODS[method],
                show(numbers.of(task, "pretrained", method, score)),
                BASELINES[baseline],
                show(numbers.of(task, "none", baseline, score)),
            ]
        )
    return table(lines)


def model_table(numbers: Numbers, metric: str) -> str:
    """Return the test scores of all packaged models under one method, and their means."""
    lines = [["", *TASKS, "mean"]]
    for weights, name in (("pretrained", "yeast_mini"), *((other, other) for other in OTHERS)):
        scores = [numbers.of(task, weights, OTHERS_METHOD, f"test_{metric}") for task in TASKS]
        mean = statistics.mean(map(statistics.mean, scores))
        lines.append([f"`{name}`", *map(show, scores), show([mean])])
    return table(lines)


def _swept_cell(numbers: Numbers, weights: str, method: str) -> str:
    """Return what each learning rate had in the sweep, the chosen one in bold."""
    chosen = numbers.rate(weights, method)
    scores = ((rate, show([numbers.swept(weights, method, rate)])) for rate in RATES[method])
    return ", ".join(f"**{score}**" if rate == chosen else score for rate, score in scores)


def sweep_table(numbers: Numbers) -> str:
    """Return the sweep of `yeast_mini`, random and pretrained."""
    lines = [["", "learning rates", *(f"dev MCC, {weights}" for weights in WEIGHTS)]]
    for method, name in METHODS.items():
        rates = ", ".join(map(show_rate, RATES[method]))
        lines.append([name, rates, *(_swept_cell(numbers, w, method) for w in WEIGHTS)])
    return table(lines)


def others_sweep_table(numbers: Numbers) -> str:
    """Return the sweep of the other packaged models."""
    lines = [["", "learning rates", "dev MCC"]]
    rates = ", ".join(map(show_rate, RATES[OTHERS_METHOD]))
    lines += [[f"`{other}`", rates, _swept_cell(numbers, other, OTHERS_METHOD)] for other in OTHERS]
    return table(lines)


def verdict(numbers: Numbers, metric: str) -> str:
    """Say in words whether pretraining helps and whether the baselines are beaten."""
    score = f"test_{metric}"
    helped, others = [], []
    for name, methods in COMPARED.items():
        pretrained, random = numbers.both(methods, score)
        p_value = ttest_rel(pretrained, random).pvalue
        if p_value < SIGNIFICANT and sum(pretrained) > sum(random):
            helped.append(name)
        else:
            others.append(f"{name} (p {p_value:.3f})".replace("0.", "."))
    beaten = [
        task
        for task in TASKS
        if numbers.mean(task, "pretrained", numbers.best_method(task, metric), score)
        > numbers.mean(task, "none", numbers.best_baseline(task, metric), score)
    ]
    left = [task for task in TASKS if task not in beaten]
    return (
        f"By {METRICS[metric]}, pretraining helps with p < {SIGNIFICANT} (paired t-test over the\n"
        f"  tasks) under {', '.join(helped) or 'no method'}"
        f"{', not under ' + ', '.join(others) if helped and others else ''};\n"
        "  the method that dev chose beats the better baseline on "
        f"{len(beaten)} of {len(TASKS)} tasks"
        f"{', all but ' + ', '.join(left) if left and beaten else ''}."
    )


def draw(numbers: Numbers, file: Path) -> None:
    """Draw the test MCC of every run: a panel a task, random and pretrained side by side."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.lines import Line2D

    figure, axes = pyplot.subplots(2, 3, figsize=(10, 5.6), sharex=True, constrained_layout=True)
    colours = {"random": "#999999", "pretrained": "#1b6ca8"}
    for axis, task in zip(axes.flat, TASKS, strict=True):
        for number, method in enumerate(METHODS):
            for shift, weights in zip((-0.12, 0.12), WEIGHTS, strict=True):
                values = numbers.of(task, weights, method, "test_mcc")
                axis.scatter([number + shift] * len(values), values, s=16, color=colours[weights])
        for baseline, style in zip(BASELINES, STYLES, strict=True):
            level = numbers.mean(task, "none", baseline, "test_mcc")
            axis.axhline(level, color="#b3472e", linestyle=style, linewidth=1.2)
        axis.set_xlim(-0.5, len(METHODS) - 0.5)
        axis.set_title(task, fontsize=10)
        axis.set_xticks(range(len(METHODS)), list(METHODS.values()), fontsize=8)
        axis.tick_params(axis="y", labelsize=8)
    for axis in axes[:, 0]:
        axis.set_ylabel("test MCC", fontsize=9)
    handles: list[Any] = [
        Line2D([], [], marker="o", linestyle="", color=colours[w], label=f"{w} weights")
        for w in WEIGHTS
    ]
    handles += [
        Line2D([], [], color="#b3472e", linestyle=style, label=name)
        for name, style in zip(BASELINES.values(), STYLES, strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=9, frameon=False)
    figure.savefig(file, dpi=110)


def write(rows: list[Row], docs: Path) -> None:
    """Write the page and its picture below a folder.

    Args:
        rows: The numbers of all runs.
        docs: Folder of the page, and of `images/`.
    """
    numbers = Numbers(rows)
    draw(numbers, docs / "images" / "embedded.png")
    hours = sum(float(row["seconds"]) for row in numbers.rows) / 3600
    values = {
        "runs": str(len(numbers.rows)),
        "hours": f"{hours:.1f}",
        "sweep": sweep_table(numbers),
        "others_sweep": others_sweep_table(numbers),
        "verdicts": "\n".join(f"- {verdict(numbers, metric)}" for metric in METRICS),
    }
    for metric in METRICS:
        values[f"scores_{metric}"] = score_table(numbers, metric)
        values[f"models_{metric}"] = model_table(numbers, metric)
        values[f"gains_{metric}"] = gain_table(numbers, metric)
        values[f"baselines_{metric}"] = baseline_table(numbers, metric)
    fill("embedded", values, docs / "embedded.md")
