"""What of a quality report a reader should not miss, in a sentence each.

The limits decide only what is pointed out; every number stands in the report.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

UNBALANCED = 1.5  # largest class over smallest
_TELLING_AUC = 0.55  # of GC content or length alone
_TELLING_R2 = 0.1
_GAP = 0.08  # between the scores of k-mers on dev and on test ...
_GAP_ERRORS = 2.0  # ... and in standard errors, at most sqrt(1 / rows of dev + 1 / rows of test)
_GC_SHIFT = 0.01  # mean GC content of test minus that of train ...
_GC_ERRORS = 4.0  # ... and in standard errors
_SHUFFLED_SHARE = 0.2  # of rows that have the dinucleotide counts of another class
_SHUFFLED_RATIO = 5  # times as many as have those of their own


@dataclass(frozen=True)
class Finding:
    """One thing to know.

    Attributes:
        kind: `leak`: what is scored was trained on; `labels`: labels contradict each other, or
            some are missing; `bias`: something simple tells labels apart; `shift`: splits differ;
            `trap`: known beforehand.
        text: A sentence.
    """

    kind: Literal["leak", "labels", "bias", "shift", "trap"]
    text: str


def find_all(report: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the findings of a report, leaks first.

    Args:
        report: All other parts of the report, as JSON has them.
    """
    parts = (_leaks, _near, _labels, _shuffles, _balance, _simple_models, _shifts, _traps)
    return [asdict(finding) for part in parts for finding in part(report)]


def _leaks(report: Mapping[str, Any]) -> Iterator[Finding]:
    for pair, found in report["card"]["overlaps"].items():
        first, second = pair.split("/")
        if found["exact"] or found["rc"]:
            yield Finding(
                "leak",
                f"Rows of {second} that are in {first}: {found['exact']:,} of {found['rows']:,}, "
                f"and {found['rc']:,} as the reverse complement. Under another label there: "
                f"{found['label_differs']:,}.",
            )


def _near(report: Mapping[str, Any]) -> Iterator[Finding]:
    near = report["near"]
    for pair, found in (near or {}).get("across", {}).items():
        first, second = pair.split("/")
        if found["rows"]:
            share = found["rows"] / found["of"]
            yield Finding(
                "leak",
                f"Rows of {second} with a near duplicate in {first}: {found['rows']:,} "
                f"({share:.1%}). Of the {near['word_bp']}-base words of either sequence, both have "
                f"{near['similarity']:.0%} or more.",
            )


def _labels(report: Mapping[str, Any]) -> Iterator[Finding]:
    for text in report["card"]["lacks"]:
        yield Finding("labels", f"{_sentence(text)}.")
    for split, found in report["card"]["splits"].items():
        if found["conflicts"]:
            yield Finding(
                "labels", f"Sequences of {split} that carry two labels: {found['conflicts']:,}."
            )
        if found["duplicates"]:
            yield Finding(
                "labels",
                f"Rows of {split} that repeat one of its sequences: {found['duplicates']:,}.",
            )


def _shuffles(report: Mapping[str, Any]) -> Iterator[Finding]:
    for split, found in (report["shuffles"] or {}).items():
        other, same, rows = found["other_label"], found["same_label"], found["rows"]
        if other >= _SHUFFLED_SHARE * rows and other >= _SHUFFLED_RATIO * max(same, 1):
            yield Finding(
                "bias",
                f"{other:,} of {rows:,} rows of {split} have exactly the dinucleotide counts of a "
                "training row with another label: one class looks like the other one shuffled, so "
                "the label can be looked up.",
            )


def _balance(report: Mapping[str, Any]) -> Iterator[Finding]:
    if report["card"]["kind"] not in ("binary", "multiclass"):
        return
    for split, found in report["card"]["splits"].items():
        counts = found["labels"].values()
        if max(counts) > UNBALANCED * min(counts):
            shares = ", ".join(f"{c}: {n / found['rows']:.1%}" for c, n in found["labels"].items())
            yield Finding(
                "bias",
                f"The classes of {split} are unequal ({shares}); accuracy flatters a model that "
                "knows the largest one alone.",
            )


def _simple_models(report: Mapping[str, Any]) -> Iterator[Finding]:
    name, limit = "auroc", _TELLING_AUC
    if report["card"]["kind"] == "regression":
        name, limit = "r2", _TELLING_R2
    for model in ("gc", "length"):
        found = (report["models"] or {}).get(model)
        if found is not None and found["scores"]["test"][name] > limit:
            value = found["scores"]["test"][name]
            what = _sentence(found["features"])
            yield Finding("bias", f"{what} alone reaches {name} {value:.3f} on test.")


def _shifts(report: Mapping[str, Any]) -> Iterator[Finding]:
    metric = report["card"]["score"]
    kmer = (report["models"] or {}).get("kmer")
    if kmer is not None:
        dev, test = (kmer["scores"][split].get(metric, math.nan) for split in ("dev", "test"))
        rows = [report["card"]["splits"][split]["rows"] for split in ("dev", "test")]
        error = math.sqrt(sum(1 / n for n in rows))
        if abs(test - dev) > max(_GAP, _GAP_ERRORS * error):
            yield Finding(
                "shift",
                f"{_sentence(kmer['features'])} reach {metric} {dev:.3f} on dev but {test:.3f} on "
                "test: a score on dev does not foretell the one on test.",
            )
    splits = report["composition"]["splits"]
    if {"train", "test"} <= set(splits):
        (train, train_error), (test, test_error) = (_mean_gc(splits[s]) for s in ("train", "test"))
        gap, error = test - train, math.hypot(train_error, test_error)
        if abs(gap) > max(_GC_SHIFT, _GC_ERRORS * error):
            yield Finding(
                "shift",
                f"The mean GC content of test is {test:.3f}, that of train {train:.3f}: they are "
                "not drawn alike.",
            )


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"


def _mean_gc(classes: Mapping[str, Any]) -> tuple[float, float]:
    """Return the mean GC content of a split and its standard error."""
    rows = sum(c["rows"] for c in classes.values())
    mean = sum(c["rows"] * c["gc"]["mean"] for c in classes.values()) / rows
    square = sum(
        c["rows"] * (c["gc"]["deviation"] ** 2 + (c["gc"]["mean"] - mean) ** 2)
        for c in classes.values()
    )
    return mean, math.sqrt(square / rows / rows)


def _traps(report: Mapping[str, Any]) -> Iterator[Finding]:
    for text in report["card"]["traps"].values():
        yield Finding("trap", " ".join(text.split()))
