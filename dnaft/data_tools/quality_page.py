"""The quality report as one page: no script, no other file, nothing from a network."""

from collections.abc import Mapping
from html import escape
from typing import Any

from dnaft.data_tools.card import (
    OVERLAP_COLUMNS,
    SPLIT_COLUMNS,
    overlap_rows,
    source_names,
    split_rows,
)
from dnaft.data_tools.svg import filled_bins, histogram
from dnaft.metrics import metric_names
from dnaft.page import COLOURS, document, note, section, table

_MARKS = ("min", "q1", "median", "q3", "max", "mean")
_BAR_REM = 6


def to_html(report: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        report: As `dnaft.data_tools.quality.examine` returns it.
    """
    card = report["card"]
    name = escape(card["task"])
    parts = [
        f"<h1>{name}</h1>",
        f"<p>{escape(card['description'])}</p>",
        f'<p class="soft">{escape(_facts(card))}</p>',
        section("What to know", _findings(report)),
        section("Splits", _splits(card)),
        section("The same sequence in two splits", _overlaps(card)),
        section("Near duplicates", _near(report)),
        section("Shuffled sequences", _shuffles(report)),
        section("GC content and length", _composition(report)),
        section("What trivial models score", _models(report)),
        section("Files", _files(card)),
        f'<p class="soft">dnaft {escape(report["code_version"])}, python -m dnaft.data quality</p>',
    ]
    return document(f"{card['task']}: quality of the data", parts)


def _facts(card: Mapping[str, Any]) -> str:
    outputs = "" if card["outputs"] == 1 else f", {card['outputs']} outputs"
    where = ", ".join(source_names(card["source"]))
    facts = [f"{card['kind']}{outputs}", f"scored by {card['score']}", where, card["reference"]]
    return " · ".join(filter(None, facts))


def _findings(report: Mapping[str, Any]) -> str:
    items = [(f["kind"], f["text"]) for f in report["findings"]]
    items += [("problem", text) for text in report["card"]["problems"]]
    items += [("note", text) for text in report["remarks"]]
    if not items:
        return "<p>Nothing stands out.</p>"
    rows = (
        f'<li class="{escape(kind)}"><b>{escape(kind)}</b>{escape(text)}</li>'
        for kind, text in items
    )
    return f"<ul>\n{chr(10).join(rows)}\n</ul>"


def _splits(card: Mapping[str, Any]) -> str:
    return table(SPLIT_COLUMNS, split_rows(card)) + note(
        "Repeated: rows beyond the first of a sequence. Two labels: distinct sequences that carry "
        "more than one. Both strands: pairs of sequences that are each other's reverse complement."
    )


def _overlaps(card: Mapping[str, Any]) -> str:
    rows = overlap_rows(card)
    if not rows:
        return "<p>No two splits share a sequence, on either strand.</p>"
    return table(OVERLAP_COLUMNS, rows) + note(
        "Rows of the second split whose sequence is in the first, distinct sequences among them, "
        "rows of which the first has the reverse complement only, and rows whose sequence carries "
        "only other labels there."
    )


def _near(report: Mapping[str, Any]) -> str:
    near = report["near"]
    rows = [
        [f"within {split}", f"{found['rows']:,}", "", f"{found['of']:,}"]
        for split, found in near["within"].items()
    ]
    rows += [
        [
            pair,
            f"{found['rows']:,}",
            "" if found["label_differs"] is None else f"{found['label_differs']:,}",
            f"{found['of']:,}",
        ]
        for pair, found in near["across"].items()
    ]
    parts = [
        table(("", "rows", "other label only", "of"), rows),
        note(
            f"Rows with another sequence, on either strand, that shares {near['similarity']:.0%} "
            f"or more of the {near['word_bp']}-base words that either has. Of a pair of splits: "
            "rows of the second that resemble a row of the first. Equal sequences and reverse "
            "complements are not among them."
        ),
    ]
    looked = report["rows_looked_at"]
    left = [s for s, found in report["card"]["splits"].items() if found["rows"] > looked[s]]
    if left:
        drawn = ", ".join(f"{looked[s]:,} of {s}" for s in left)
        parts.append(note(f"Looked for in rows drawn at random: {drawn}."))
    if near["words_passed_over"]:
        parts.append(
            note(
                f"{near['words_passed_over']:,} words are in too many sequences to compare all of "
                "them; there may be more near duplicates."
            )
        )
    examples = [
        [
            f"{e['similarity']:.2f}",
            *(place.rsplit("/", 1)[-1] for place in e["places"]),
            " / ".join(map(str, e["labels"])),
        ]
        for e in near["examples"]
    ]
    if examples:
        parts.append("<h3>The most alike of different splits</h3>")
        parts.append(table(("similarity", "", "", "labels"), examples))
    return "\n".join(parts)


def _shuffles(report: Mapping[str, Any]) -> str:
    rows = [
        [split, f"{found['other_label']:,}", f"{found['same_label']:,}", f"{found['rows']:,}"]
        for split, found in report["shuffles"].items()
    ]
    if not rows:
        return ""
    return table(("split", "another label", "the same label", "rows"), rows) + note(
        "Rows with exactly the dinucleotide counts of another training sequence, by the label that "
        "one carries. Chance gives both columns alike, and hardly any for sequences of 100 bases."
    )


def _composition(report: Mapping[str, Any]) -> str:
    composition = report["composition"]
    parts = []
    names = list(dict.fromkeys(name for s in composition["splits"].values() for name in s))
    keys = (
        f'<span><i class="c{i % COLOURS}"></i>{escape(_class_name(name))}</span>'
        for i, name in enumerate(names)
    )
    if len(names) > 1:
        parts.append(f'<p class="key">{"".join(keys)}</p>')
    lengths = [c["length"] for s in composition["splits"].values() for c in s.values()]
    varied = min(c["min"] for c in lengths) < max(c["max"] for c in lengths)
    measures = [("gc", "GC content"), *([("length", "bases")] if varied else [])]
    for measure, unit in measures:
        every = [
            found[f"{measure}_histogram"]
            for classes in composition["splits"].values()
            for found in classes.values()
        ]
        charts = [
            histogram(
                composition[f"{measure}_edges"],
                {name: classes[name][f"{measure}_histogram"] for name in names if name in classes},
                filled_bins(every),
                f"{split}, {unit}",
                f"{unit} of {split} by class",
            )
            for split, classes in composition["splits"].items()
        ]
        parts.append(f'<div class="charts">{"".join(charts)}</div>')
        rows = [
            [split, _class_name(name), *(_mark(found[measure][m], measure) for m in _MARKS)]
            for split, classes in composition["splits"].items()
            for name, found in classes.items()
        ]
        parts.append(table(("split", "class", *_MARKS), rows))
        parts.append(note(f"{unit}; histograms show the share of each class's rows."))
    if not varied:
        parts.append(f"<p>All sequences have {lengths[0]['max']:,.0f} bases.</p>")
    for split, value in composition.get("gc_correlation", {}).items():
        if value is not None:
            parts.append(f"<p>Correlation of GC content and target, {split}: {value:.3f}</p>")
    return "\n".join(parts)


def _models(report: Mapping[str, Any]) -> str:
    if not report["models"]:
        return ""
    metric = report["card"]["score"]
    known = next(iter(report["models"].values()))["scores"]["test"]
    names = [metric] + [name for name in metric_names(report["card"]["kind"]) if name != metric]
    names += [name for name in known if name not in names]
    rows = []
    for found in report["models"].values():
        for split in ("dev", "test"):
            values = [found["scores"][split][name] for name in names]
            texts = ["-" if value is None else f"{value:.3f}" for value in values]
            rows.append([escape(found["features"]), split, texts[0] + _bar(values[0]), *texts[1:]])
    head = ("model of", "split", *names)
    return table(head, rows, escaped=True) + note(
        "Logistic or ridge regression; the penalty is chosen on dev. What a language model adds is "
        "what it scores above these. The last two are method=baseline_kmer and "
        "method=baseline_onehot of training."
    )


def _files(card: Mapping[str, Any]) -> str:
    rows = [
        [split, found["file"], found["sha256"], found["checksum"]]
        for split, found in card["splits"].items()
    ]
    return table(("split", "file", "sha256", ""), rows, wide=(1, 2))


def _class_name(name: str) -> str:
    return "all rows" if name == "all" else f"class {name}"


def _mark(value: float, measure: str) -> str:
    return f"{value:.3f}" if measure == "gc" else f"{value:,.0f}"


def _bar(value: float | None) -> str:
    width = 0.0 if value is None else max(0.0, min(1.0, value)) * _BAR_REM
    return f'<span class="bar" style="width:{width:.2f}rem"></span>'
