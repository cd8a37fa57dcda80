"""The page docs/method_results.md, from the numbers of single runs."""

import statistics
from pathlib import Path
from typing import NamedTuple

from study import BASELINES, METRICS, SEEDS, fill, swept
from tables import Row, show, show_gain, show_rate, table

SWEEP_TASKS = ("prom_tata", "tf_2", "yeast_strand")
TABLE_TASKS = ("prom_tata", "tf_2", "yeast_strand", "yeast_tata")
MODEL, LANGUAGE_MODEL = "yeast_mini", "yeast_mini_opt"


class Subject(NamedTuple):
    """What is compared: a method on a model."""

    model: str
    method: str

    def __str__(self) -> str:
        """Return what it is called in a table."""
        return f"`{self.method}`" if self.model == MODEL else f"`{self.method}` on `{self.model}`"


# Methods without a learning rate, whose seed changes nothing.
UNSEEDED = {Subject(MODEL, method): name for method, name in BASELINES.items()}
UNSEEDED[Subject(MODEL, "layer_probe")] = "`layer_probe`"
# Rates, each about three times the one before; a sweep begins with four around those of common use.
LADDER = (
    "0.00001", "0.00003", "0.0001", "0.0003", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1.0",
)  # fmt: skip
# Of a mean dev MCC in the sweep: what is closer is alike.
NOISE = 0.01
_WEIGHTS = LADDER[2:6]
_ADAPTERS = LADDER[3:7]
_SCALES = LADDER[4:8]
_VECTORS = LADDER[5:9]
RATES = {
    Subject(model, method): rates
    for model, methods in {
        MODEL: {
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
        },
        # What yeast_mini does not take, and LoRA to compare with.
        LANGUAGE_MODEL: {
            "lora": _ADAPTERS,
            "lingo": _SCALES,
            "prefix_tuning": _ADAPTERS,
            "p_tuning_v2": _SCALES,
        },
    }.items()
    for method, rates in methods.items()
}


def _sampler(**changes: str) -> tuple[str, ...]:
    """Return the overrides that make rank sampling what is published, but for some changes."""
    published = {"masked_values": "overwrite", "last_mask": "sampled"}
    options = published | changes
    return tuple(f"method.callbacks.rank_sampler.{key}={options[key]}" for key in options)


PUBLISHED = "as published"
OPTIONS = {
    PUBLISHED: _sampler(),
    "values come back from the shadow": _sampler(masked_values="shadow"),
    "importance from masking steps only": _sampler(accumulate="masking_steps"),
    "last mask not drawn": _sampler(last_mask="deterministic"),
    "budget in parameters": _sampler(budget_unit="parameters"),
    "compact": _sampler(compact="true"),
}


class Numbers:
    """The scores of all runs.

    Args:
        rows: The lines of docs/method_results.csv.
    """

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def swept(self, subject: Subject, rate: str) -> float:
        """Return the dev MCC that a learning rate had in the sweep, mean of its tasks."""
        wanted = {"model": subject.model, "method": subject.method, "lr": rate, "option": ""}
        return swept(self.rows, SWEEP_TASKS, wanted)

    def rates(self, subject: Subject) -> tuple[str, ...]:
        """Return the learning rates of the sweep, in their order."""
        tried = {row["lr"] for row in self.rows if (row["model"], row["method"]) == subject} | set(
            RATES[subject]
        )
        return tuple(rate for rate in LADDER if rate in tried)

    def best(self, subject: Subject) -> str:
        """Return the learning rate with the highest score of the sweep, of equals the lowest."""
        return max(self.rates(subject), key=lambda rate: self.swept(subject, rate))

    def rate(self, subject: Subject) -> str:
        """Return the lowest rate as good as the best within noise; some methods have none."""
        if subject in UNSEEDED:
            return ""
        enough = self.swept(subject, self.best(subject)) - NOISE
        return next(rate for rate in self.rates(subject) if self.swept(subject, rate) >= enough)

    def beyond(self, subject: Subject) -> str:
        """Return the rate beyond the best one if that is the first or the last, else nothing."""
        rates, best = self.rates(subject), self.best(subject)
        at = LADDER.index(best) + {rates[0]: -1, rates[-1]: 1}.get(best, 0)
        return LADDER[at] if 0 <= at < len(LADDER) and LADDER[at] != best else ""

    def rows_of(self, task: str, subject: Subject, option: str = "") -> list[Row]:
        """Return the runs of a method at its rate, one a seed.

        Raises:
            SystemExit: If one is missing.
        """
        seeds = SEEDS[:1] if subject in UNSEEDED else SEEDS
        wanted = (task, *subject, option, self.rate(subject))
        found = {
            int(row["seed"]): row
            for row in self.rows
            if (row["task"], row["model"], row["method"], row["option"], row["lr"]) == wanted
        }
        if not found.keys() >= set(seeds):
            raise SystemExit(f"{task} {subject} {option}: runs are missing")
        return [found[seed] for seed in seeds]

    def of(self, task: str, subject: Subject, score: str, option: str = "") -> list[float]:
        """Return one number, such as `test_mcc`, for each seed."""
        return [float(row[score]) for row in self.rows_of(task, subject, option)]


def sweep_table(numbers: Numbers) -> str:
    """Return what each learning rate had on dev, the chosen ones in bold."""
    tried = {subject: numbers.rates(subject) for subject in RATES}
    shown = [rate for rate in LADDER if any(rate in rates for rates in tried.values())]
    lines = [["dev MCC", *map(show_rate, shown)]]
    for subject, rates in tried.items():
        scores = {rate: show([numbers.swept(subject, rate)]) for rate in rates}
        chosen = numbers.rate(subject)
        scores[chosen] = f"**{scores[chosen]}**"
        scores[numbers.best(subject)] += " ◂" if numbers.beyond(subject) else ""
        lines.append([str(subject), *(scores.get(rate, "") for rate in shown)])
    return table(lines)


def method_table(numbers: Numbers, metric: str) -> str:
    """Return dev and test of every method on every task."""
    lines = [["", *(f"{task}, dev / test" for task in TABLE_TASKS)]]
    for subject, name in (*UNSEEDED.items(), *((s, str(s)) for s in RATES)):
        cells = []
        for task in TABLE_TASKS:
            dev, test = (
                numbers.of(task, subject, f"{split}_{metric}") for split in ("dev", "test")
            )
            cells.append(f"{show([statistics.mean(dev)])} / {show(test)}")
        lines.append([name, *cells])
    return table(lines)


def cost_table(numbers: Numbers) -> str:
    """Return parameters, seconds and memory of every method on the first task."""
    task = TABLE_TASKS[0]
    lines = [["", "learning rate", "trained parameters", "seconds of the run", "peak memory, MB"]]
    for subject, name in (*UNSEEDED.items(), *((s, str(s)) for s in RATES)):
        rate = numbers.rate(subject)
        trained = numbers.of(task, subject, "trainable")
        seconds, memory = (numbers.of(task, subject, n) for n in ("seconds", "megabytes"))
        lines.append(
            [
                name,
                show_rate(rate) if rate else "",
                f"{trained[0]:,.0f}",
                f"{statistics.median(seconds):.0f}",
                f"{statistics.median(memory):,.0f}",
            ]
        )
    return table(lines)


def option_table(numbers: Numbers) -> str:
    """Return each option of rank sampling beside what is published: by task, paired over seeds."""
    of_tasks = (f"{task}, dev - published" for task in SWEEP_TASKS)
    lines = [["", "dev MCC", "test MCC", "mean rank kept", *of_tasks]]

    sampled = Subject(MODEL, "adalora_rs")

    def scores(option: str, name: str) -> list[list[float]]:
        return [numbers.of(task, sampled, name, option) for task in SWEEP_TASKS]

    for option in (*OPTIONS, ""):
        dev = scores(option, "dev_mcc")
        whole = [dev, scores(option, "test_mcc"), scores(option, "mean_rank")]
        means = [statistics.mean(value for task in tasks for value in task) for tasks in whole]
        gains = [
            [new - old for new, old in zip(*of_task, strict=True)]
            for of_task in zip(dev, scores(PUBLISHED, "dev_mcc"), strict=True)
        ]
        shown = [show_gain(gain) if option != PUBLISHED else "" for gain in gains]
        cells = [show([mean]) for mean in means[:2]]
        lines.append(
            [option or "default: shadow, last mask not drawn", *cells, f"{means[2]:.2f}", *shown]
        )
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
