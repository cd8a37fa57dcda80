"""The quality report: what was planted is found, scores are those of training, the page whole."""

import json
import re
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dnaft.data_tools.svg import filled_bins, histogram
from dnaft.sequence import reverse_complement

Run = Callable[..., tuple[int, str, str]]
SPLITS = ("train", "dev", "test")
VOID = {"meta", "line", "br"}
RNG = np.random.default_rng(5)


def dna(gc: float, length: int = 120) -> str:
    return "".join(RNG.choice(list("GCAT"), length, p=[gc / 2, gc / 2, (1 - gc) / 2, (1 - gc) / 2]))


def shuffled(sequence: str) -> str:
    """Swap pieces between equal letters, often: the same dinucleotides in another order."""
    for _ in range(300):
        letter = sequence[int(RNG.integers(len(sequence)))]
        places = [i for i, other in enumerate(sequence) if other == letter]
        if len(places) > 2:
            a, b, c = sorted(RNG.choice(places, 3, replace=False).tolist())
            parts = sequence[b:c], sequence[a:b]  # both begin with the letter, as what follows
            sequence = sequence[:a] + "".join(parts) + sequence[c:]
    return sequence


class Page(HTMLParser):
    """Fails on a tag that is not closed; collects text and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


@pytest.fixture
def planted(tmp_path: Path) -> list[str]:
    """A task with one of everything, and the arguments that name it."""
    rows = {split: [(dna(0.6 if i % 2 else 0.4), i % 2) for i in range(60)] for split in SPLITS}
    train, test = rows["train"], rows["test"]
    test[0] = train[0]  # the same
    test[2] = (train[2][0], 1)  # the same under another label
    test[4] = (reverse_complement(train[4][0]), 0)
    test[6] = (train[6][0][20:] + dna(0.4, 20), 1)  # 20 bases on, under another label
    test[8] = (reverse_complement(train[8][0][1:] + "A"), 0)
    train[11] = train[10]  # repeated
    train[13] = (train[12][0], 1)  # two labels
    test[15] = (shuffled(train[14][0]), 1)
    for split, of_split in rows.items():
        lines = [f"{s},{y}" for s, y in of_split]
        (tmp_path / f"{split}.csv").write_text("\n".join(["sequence,label", *lines]))
    files = [f"task.source.{split}={tmp_path / split}.csv" for split in SPLITS]
    return ["task=csv", *files]


def read(folder: Path, name: str = "csv") -> tuple[dict[str, Any], Page, str]:
    html = (folder / f"{name}.html").read_text()
    return json.loads((folder / f"{name}.json").read_text()), Page(html), html


def test_what_was_planted_is_found(run: Run, planted: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    extra = "task.description='<script>alert(1)</script> & more'"
    status, printed, _ = run("quality", *planted, extra, f"out={out}")
    assert status == 0
    report, page, html = read(out)
    leaks = report["card"]["overlaps"]["train/test"]
    assert (leaks["exact"], leaks["rc"], leaks["label_differs"]) == (2, 1, 1)
    counts = report["card"]["splits"]["train"]
    assert (counts["duplicates"], counts["conflicts"]) == (2, 1)
    near = report["near"]["across"]["train/test"]
    assert near == {"rows": 2, "label_differs": 1, "of": 60}
    assert report["near"]["across"]["train/dev"]["rows"] == 0
    (first, second) = report["near"]["examples"]
    assert first["places"] == [f"{tmp_path}/train.csv line 10", f"{tmp_path}/test.csv line 10"]
    assert second["places"] == [f"{tmp_path}/train.csv line 8", f"{tmp_path}/test.csv line 8"]
    # 109 words of 12 bases; 20 bases on, 89 of 129; one base on and turned, 108 of 110.
    assert [e["similarity"] for e in (first, second)] == [
        pytest.approx(108 / 110, abs=1e-4),
        pytest.approx(89 / 129, abs=0.02),  # up to chance words
    ]
    assert report["shuffles"]["test"] == {"other_label": 1, "same_label": 0, "rows": 60}
    kinds = {finding["kind"] for finding in report["findings"]}
    assert kinds == {"leak", "labels", "bias"}
    assert "GC content alone reaches auroc" in printed
    assert report["models"]["gc"]["scores"]["test"]["auroc"] > 0.9
    # The page says the same, and brings nothing along.
    assert "alert(1)" in page.text
    assert "script" not in page.tags
    for finding in report["findings"]:
        assert finding["text"] in page.text
    assert not {name for name, _ in page.attributes} & {"src", "href", "onload", "onclick"}
    assert not re.search(r"https?:|url\(|@import|<link|<img|<iframe", html)
    assert "prefers-color-scheme: dark" in html
    assert "default-src 'none'" in html
    assert page.tags.count("svg") == 3


def test_scores_are_those_of_training(
    run: Run, planted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dnaft.train import main

    run("quality", *planted, f"out={tmp_path / 'out'}")
    report, _, _ = read(tmp_path / "out")
    for name in ("kmer", "onehot"):
        runs = tmp_path / name
        typed = [*planted, f"method=baseline_{name}", f"output_dir={runs}"]
        monkeypatch.setattr(sys, "argv", ["dnaft.train", *typed])
        main()
        (file,) = runs.rglob("result.json")
        record = json.loads(file.read_text())
        found = report["models"][name]
        assert found["penalty"] == record["chosen"]["penalty"]
        for split in ("dev", "test"):
            assert found["scores"][split] == pytest.approx(record["scores"][split])


def test_a_regression_of_many_lengths(run: Run, tmp_path: Path) -> None:
    for split in SPLITS:
        sequences = [
            dna(float(RNG.uniform(0.2, 0.8)), int(RNG.integers(40, 90))) for _ in range(40)
        ]
        lines = [f"{s},{np.exp(len(s) / 10):.4f}" for s in sequences]
        (tmp_path / f"{split}.csv").write_text("\n".join(["sequence,label", *lines]))
    files = [f"task.source.{split}={tmp_path / split}.csv" for split in SPLITS]
    options = ["task.kind=regression", "task.log_targets=true", f"out={tmp_path}"]
    status, _, _ = run("quality", "task=csv", *files, *options)
    assert status == 0
    report, page, _ = read(tmp_path)
    length = report["models"]["length"]["scores"]["test"]
    assert length["r2"] > 0.99
    assert 0.5 < length["r2_original"] != length["r2"]
    assert "Length alone reaches r2" in page.text
    assert report["shuffles"] == {}
    assert report["near"]["across"]["train/test"]["label_differs"] is None
    lengths = report["composition"]["splits"]["train"]["all"]
    assert sum(lengths["length_histogram"]) == sum(lengths["gc_histogram"]) == 40
    assert page.tags.count("svg") == 6  # GC content and length of three splits


def test_several_labels_and_pairs(run: Run, tmp_path: Path) -> None:
    for split in SPLITS:
        lines = [f"{dna(0.5, 40)},{dna(0.5, 30)},{i % 2},{i % 3 == 0:d}" for i in range(24)]
        (tmp_path / f"{split}.csv").write_text("\n".join(["a,b,x,y", *lines]))
    files = [f"task.source.{split}={tmp_path / split}.csv" for split in SPLITS]
    options = ["task.kind=multilabel", "task.outputs=2", "task.source.label_columns=[x,y]"]
    pairs = ["task.source.sequence_column=a", "task.source.sequence_b_column=b"]
    status, _, _ = run("quality", "task=csv", *files, *options, *pairs, f"out={tmp_path}")
    assert status == 0
    report, page, _ = read(tmp_path)
    assert report["card"]["unit"] == "pair"
    assert report["models"]["kmer"]["scores"]["test"]["n_labels_scored"] == 2
    assert "All sequences have 70 bases." in page.text


def test_rows_are_drawn_and_models_left_out(run: Run, planted: list[str], tmp_path: Path) -> None:
    status, _, _ = run("quality", *planted, "rows=20", "models=false", f"out={tmp_path}")
    assert status == 0
    report, page, _ = read(tmp_path)
    assert report["rows_looked_at"] == dict.fromkeys(SPLITS, 20)
    assert report["near"]["across"]["train/test"]["of"] == 20
    assert report["card"]["overlaps"]["train/test"]["exact"] == 2  # counted in all rows
    assert report["models"] == {}
    assert "drawn at random: 20 of train, 20 of dev, 20 of test" in page.text


def test_the_real_mouse_and_its_trap(run: Run, shared_dir: Path, tmp_path: Path) -> None:
    data = f"data_dir={shared_dir / 'data'}"
    status, _, _ = run("quality", "task=mouse_2", data, "models=false", f"out={tmp_path}")
    assert status == 0
    report, page, _ = read(tmp_path, "mouse_2")
    shares = report["shuffles"]["test"]
    assert shares["other_label"] / shares["rows"] == pytest.approx(0.8, abs=0.05)
    assert "one class looks like the other one shuffled" in page.text
    assert "about 81% of the negatives of a test file" in page.text
    assert report["near"]["across"]["train/test"]["rows"] == 2


def test_dev_and_test_alone(run: Run, shared_dir: Path, tmp_path: Path) -> None:
    data = f"data_dir={shared_dir / 'data'}"
    status, printed, _ = run("quality", "task=splice", data, f"out={tmp_path}")
    assert status == 0
    assert "problem: task splice:" in printed
    report, page, _ = read(tmp_path, "splice")
    assert "Models are fitted only where train, dev and test are all there." in page.text
    assert "The classes of test are unequal (0: 21.0%, 1: 22.5%, 2: 56.6%)" in page.text
    assert report["near"]["across"]["dev/test"]["rows"] > 400


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ([], "task: has no value"),
        (["task=h3", "data_dir={dir}"], "task h3: no data in {dir}"),
        (["task=yeast_tata", "rows=0"], "rows: got '0'; needs a whole number from 1"),
        (["task=yeast_tata", "models=some"], "models: got 'some'; needs true or false"),
        (["task=yeast_tata", "out={dir}/file"], "out: cannot write to {dir}/file"),
        (["task=csv", "task.source.train={dir}/file"], "has no value; give one with task.source."),
    ],
)
def test_wrong_arguments(run: Run, tmp_path: Path, typed: list[str], message: str) -> None:
    (tmp_path / "file").write_text("")
    status, _, err = run("quality", *(text.format(dir=tmp_path) for text in typed))
    assert status == 2
    assert message.format(dir=tmp_path) in err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_histograms_by_pencil() -> None:
    counts = {"0": [0, 1, 3, 0], "1": [0, 0, 0, 2]}
    assert filled_bins(counts.values()) == (1, 4)
    drawn = histogram([0, 1, 2, 3, 4], counts, (1, 4), "bases", "a < b")
    assert "<title>a &lt; b</title>" in drawn
    first, second = re.findall(r'<polygon class="c\d" points="([^"]+)"', drawn)
    # Three bins of 404 / 3 units from 8 on; heights are shares, of 120 units for a whole class.
    assert [point.split(",")[0] for point in first.split()[1::2]] == [
        "8.0",
        "142.7",
        "277.3",
        "412.0",
    ]
    heights = [float(point.split(",")[1]) for point in first.split()]
    assert heights == pytest.approx([128, 98, 98, 38, 38, 128, 128, 128])
    assert second.split()[-2].split(",")[1] == "8.0"
