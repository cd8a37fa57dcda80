"""What a quality report points out, on reports whose numbers are made up."""

from typing import Any

import pytest

from dnaft.data_tools.findings import find_all


def report(**changes: Any) -> dict[str, Any]:
    """Return a report of a task without any fault, changed."""
    split = {"rows": 1000, "labels": {"0": 500, "1": 500}, "duplicates": 0, "conflicts": 0}
    whole: dict[str, Any] = {
        "card": {
            "kind": "binary",
            "score": "mcc",
            "splits": {s: dict(split) for s in ("train", "dev", "test")},
            "overlaps": {},
            "lacks": [],
            "traps": {},
        },
        "near": {"across": {}, "similarity": 0.5, "word_bp": 12},
        "shuffles": {},
        "models": {
            name: {
                "features": words,
                "scores": {s: {"mcc": 0.3, "auroc": 0.5} for s in ("dev", "test")},
            }
            for name, words in (("gc", "GC content"), ("kmer", "counts of 6-mers"))
        },
        "composition": {
            "splits": {s: {"0": {"rows": 1000, "gc": gc(0.5)}} for s in ("train", "dev", "test")}
        },
    }
    for path, value in changes.items():
        node = whole
        *parents, last = path.split("__")
        for key in parents:
            node = node[key]
        node[last] = value
    return whole


def gc(mean: float) -> dict[str, float]:
    return {"mean": mean, "deviation": 0.1}


def shuffles(other: int, same: int) -> dict[str, Any]:
    return {"test": {"other_label": other, "same_label": same, "rows": 1000}}


def near(rows: int) -> dict[str, Any]:
    return {"dev/test": {"rows": rows, "of": 10}}


def kinds(**changes: Any) -> list[str]:
    return [finding["kind"] for finding in find_all(report(**changes))]


def test_nothing_to_find() -> None:
    assert kinds() == []


@pytest.mark.parametrize(
    ("path", "below", "above", "kind"),
    [
        ("models__gc__scores__test__auroc", 0.55, 0.56, "bias"),
        # Two splits of 1,000 rows: two standard errors are 0.0894.
        ("models__kmer__scores__test__mcc", 0.385, 0.395, "shift"),
        ("models__kmer__scores__dev__mcc", 0.385, 0.395, "shift"),
        # Four standard errors of two means of 1,000 rows: 4 * 0.1 * sqrt(0.002) = 0.0179.
        ("composition__splits__test__0__gc", gc(0.517), gc(0.519), "shift"),
        ("card__splits__test__labels", {"0": 600, "1": 400}, {"0": 601, "1": 400}, "bias"),
        ("card__splits__dev__conflicts", 0, 1, "labels"),
        ("shuffles", shuffles(199, 0), shuffles(200, 40), "bias"),
        ("near__across", near(0), near(1), "leak"),
        ("card__traps", {}, {"a": "Beware."}, "trap"),
    ],
)
def test_limits(path: str, below: Any, above: Any, kind: str) -> None:
    assert kinds(**{path: below}) == []
    assert kinds(**{path: above}) == [kind]


def test_shuffles_by_chance_are_no_finding() -> None:
    assert kinds(shuffles=shuffles(500, 400)) == []


def test_leaks_come_first_with_their_numbers() -> None:
    overlap = {"exact": 54, "rc": 2, "label_differs": 13, "rows": 5920}
    found = find_all(report(card__overlaps={"train/dev": overlap}, card__traps={"a": "Beware."}))
    assert [finding["kind"] for finding in found] == ["leak", "trap"]
    assert "Rows of dev that are in train: 54 of 5,920, and 2 as the reverse" in found[0]["text"]
    assert "Under another label there: 13." in found[0]["text"]


def test_classes_that_a_split_lacks() -> None:
    (finding,) = find_all(report(card__lacks=["dev: no row has label 1"]))
    assert finding == {"kind": "labels", "text": "Dev: no row has label 1."}
