"""The command that checks data, against the README of the real files and on files made wrong."""

import gzip
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dnaft.data_tools.tasks import load_benchmark, load_task

Run = Callable[..., tuple[int, str, str]]
SPLITS = ("train", "dev", "test")


def readme_rows(text: str, heading: str) -> list[list[str]]:
    section = text.split(f"\n### {heading}\n", 1)[1]
    lines = re.split(r"\n#", section)[0].splitlines()
    cells = [[c.strip(" `") for c in line.strip("|").split("|")] for line in lines if "|" in line]
    return cells[2:]


def number(text: str) -> int:
    return int(text.replace(",", ""))


@pytest.fixture(scope="module")
def gue(
    shared_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, dict[str, Any]]]:
    """The README of the real files, and the cards of `check gue`, by their folder."""
    from dnaft.data_tools import check
    from dnaft.errors import InputError

    out = tmp_path_factory.mktemp("cards")
    with pytest.raises(InputError, match="gue: 6 problems") as caught:
        check.main(["gue", f"data_dir={shared_dir / 'data'}", f"out={out}"])
    assert str(caught.value).count("has no train.csv") == 6
    cards = [json.loads(path.read_text()) for path in out.glob("*.json")]
    assert {path.stem for path in out.glob("*.md")} == {card["task"] for card in cards}
    assert len(cards) == 28
    by_folder = {card["source"]["folder"].removeprefix("GUE/"): card for card in cards}
    return (shared_dir / "data" / "README.md").read_text(), by_folder


def test_counts_of_the_readme(gue: tuple[str, dict[str, dict[str, Any]]]) -> None:
    readme, cards = gue
    rows = readme_rows(readme, "Datasets")
    assert len(rows) == 39 == sum(len(card["splits"]) for card in cards.values())
    for folder, _, split, n, length, labels, gc, duplicates, conflicts in rows:
        found = cards[folder]["splits"][split]
        classes = dict(part.strip().split(": ") for part in labels.split("/"))
        assert found["labels"] == {c: number(count) for c, count in classes.items()}
        assert (found["rows"], found["duplicates"], found["conflicts"]) == (
            number(n),
            int(duplicates),
            int(conflicts),
        )
        assert found["length_bp_min"] == found["length_bp_median"] == int(length)
        assert found["rc_pairs"] == 0
        expected = [float(x) for x in gc.split("/")]
        assert list(found["gc"].values()) == pytest.approx(expected, abs=0.00051)


def test_overlaps_of_the_readme(gue: tuple[str, dict[str, dict[str, Any]]]) -> None:
    readme, cards = gue
    expected = {
        (folder, pair): tuple(map(number, counts))
        for folder, pair, *counts in readme_rows(readme, "Overlap between splits")
    }
    found = {
        (folder, pair): (c["exact"], c["rc"], c["label_differs"], c["rows"])
        for folder, card in cards.items()
        for pair, c in card["overlaps"].items()
        if c["exact"] or c["rc"]
    }
    assert len(found) == 14
    assert found == expected


def test_checksums_of_the_readme(gue: tuple[str, dict[str, dict[str, Any]]]) -> None:
    readme, cards = gue
    sums = dict(re.findall(r"\| `GUE/([^`]+)\.csv` \| [\d,]+ \| `([0-9a-f]{64})`", readme))
    found = {
        f"{folder}/{split}": (info["sha256"], info["checksum"])
        for folder, card in cards.items()
        for split, info in card["splits"].items()
    }
    assert found == {name: (sha256, "as published") for name, sha256 in sums.items()}
    # The yaml files state those checksums, and no others.
    stated = {
        f"{task.source.folder.removeprefix('GUE/')}/{split}": value
        for task in load_benchmark("gue")
        for split, value in (task.sha256 or {}).items()
    }
    assert stated == sums


def test_every_trap_of_the_readme_is_on_a_card(gue: tuple[str, dict[str, dict[str, Any]]]) -> None:
    readme, cards = gue
    assert "81% of the negatives" in readme
    wanted = {
        "mouse/": ("shuffles", "about 81%", "0.39 to 0.48"),
        "tf/": ("shift", "0.09 to 0.19", "0.015 to 0.02"),
        "splice/": ("imbalance", "about 21%, 22% and 57%", "MCC"),
        "EMP/": ("windows", "same 500-bp windows", ""),
        "prom/": ("gc", "GC alone scores above chance", ""),
    }
    for prefix, (name, *parts) in wanted.items():
        of_kind = [card for folder, card in cards.items() if folder.startswith(prefix)]
        assert of_kind
        for card in of_kind:
            assert all(part in " ".join(card["traps"][name].split()) for part in parts)
    assert "3,789" in cards["tf/4"]["traps"]["repeats"]


def sequences(shared_dir: Path, dataset: str, split: str) -> list[tuple[str, str]]:
    path = shared_dir / "data" / "GUE" / dataset / f"{split}.csv"
    return [tuple(line.split(",")) for line in path.read_text().split()[1:]]  # type: ignore[misc]


def test_the_numbers_in_the_traps_of_promoters(shared_dir: Path) -> None:
    rows = {
        name: {s for s, _ in sequences(shared_dir, f"prom/{dataset}", split)}
        for name, dataset, split in (
            ("core_all", "prom_core_all", "test"),
            ("core_notata", "prom_core_notata", "test"),
            ("prom_all", "prom_300_all", "test"),
            ("prom_tata", "prom_300_tata", "test"),
        )
    }

    def shared(dataset: str, split: str, others: set[str]) -> list[str]:
        return [s for s, _ in sequences(shared_dir, f"prom/{dataset}", split) if s in others]

    # The README counts distinct sequences in the first two cases, rows in the others.
    of_core = shared("prom_core_notata", "test", rows["core_all"])
    assert (len(of_core), len(set(of_core))) == (5_307, 5_305)
    of_tata = shared("prom_300_tata", "test", rows["prom_all"])
    assert (len(of_tata), len(set(of_tata))) == (613, 611)
    cores_of_tata = {s[216:286] for s, _ in sequences(shared_dir, "prom/prom_300_tata", "train")}
    cores_of_all = {s[216:286] for s in rows["prom_all"]}
    assert len(shared("prom_core_all", "test", cores_of_tata)) == 490
    assert len(shared("prom_core_all", "train", cores_of_all)) == 4_746
    assert "All 5,307 test rows, 5,305 distinct" in load_task("core_notata").traps["shared"]
    assert "All 613 test rows, 611 distinct" in load_task("prom_tata").traps["shared"]
    text = load_task("core_all").traps["shared"]
    assert "490" in text
    assert "4,746" in text


def test_the_numbers_in_the_trap_of_mice(shared_dir: Path) -> None:
    def counts(sequence: str) -> str:
        return "".join(sorted(a + b for a, b in pairwise(sequence)))

    shares = []
    for dataset in ("mouse/0", "mouse/2", "mouse/4"):
        train = {counts(s) for s, label in sequences(shared_dir, dataset, "train") if label == "1"}
        negatives = [s for s, label in sequences(shared_dir, dataset, "test") if label == "0"]
        shares.append(sum(counts(s) in train for s in negatives) / len(negatives))
    assert sum(shares) / 3 == pytest.approx(0.81, abs=0.01)


def test_one_task_prints_its_card(run: Run, shared_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "cards"
    status, printed, _ = run(
        "check", "task=prom_tata", f"data_dir={shared_dir / 'data'}", f"out={out}"
    )
    assert status == 0
    assert "| train | 4,904 | 300 | 0: 2,460 (50.2%) / 1: 2,444 (49.8%)" in printed
    assert "| train/dev | 14 | 14 | 0 | 5 | 613 |" in printed
    assert (out / "prom_tata.md").read_text() == printed
    assert sorted(path.name for path in out.iterdir()) == ["prom_tata.json", "prom_tata.md"]


def test_a_card_without_data_has_what_is_known(run: Run, tmp_path: Path) -> None:
    status, printed, err = run("check", "task=tf_4", f"data_dir={tmp_path}", f"out={tmp_path}")
    assert status == 2
    assert "task tf_4: no data in" in err
    assert "3,789" in printed
    assert "No rows were at hand to be counted." in printed
    assert "## Splits" not in printed
    assert "## Files" not in printed
    assert (tmp_path / "tf_4.md").read_text() == printed
    run("check", "gue", f"data_dir={tmp_path}", f"out={tmp_path / 'none'}")
    assert not (tmp_path / "none").exists()


def test_regression_and_packaged_tasks(run: Run, shared_dir: Path, tmp_path: Path) -> None:
    status, printed, _ = run(
        "check", "task=random_promoters", f"data_dir={shared_dir / 'data'}", f"out={tmp_path}"
    )
    assert status == 0
    assert "TGCATTTTTTTCACATC" in printed
    card = json.loads((tmp_path / "random_promoters.json").read_text())
    assert [found["rows"] for found in card["splits"].values()] == [4_459, 637, 1_274]
    target = card["splits"]["train"]["targets"][0]
    assert 0 <= target["min"] < target["median"] < target["max"] <= 17
    status, printed, _ = run("check", "task=yeast_tata", f"data_dir={tmp_path}")
    assert status == 0
    assert "No two splits share a sequence." in printed


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """GUE's layout with three good files of a task whose yaml asserts rows and lengths."""
    folder = tmp_path / "GUE" / "prom" / "prom_core_tata"
    folder.mkdir(parents=True)
    for split, letters in zip(SPLITS, ("AC", "AG", "AT"), strict=True):
        rows = [f"{letters[i % 2] * 69}{'ACGT'[i % 4]},{i % 2}" for i in range(4)]
        (folder / f"{split}.csv").write_text("\n".join(["sequence,label", *rows, ""]))
    return folder


def test_what_is_wrong_is_said_with_its_place(run: Run, mine: Path, tmp_path: Path) -> None:
    arguments = ("check", "task=core_tata", f"data_dir={tmp_path}")
    assert run(*arguments)[0] == 0
    (mine / "dev.csv").write_text(f"sequence,label\n{'A' * 70},0\n{'A' * 69},1\n")
    (mine / "test.csv").write_text(f"sequence,label\n{'A' * 70},2\n")
    status, printed, err = run(*arguments, "task.rows={train: 5}")
    assert status == 2
    assert "| train | 4 | 70 |" in printed  # what can be read is told
    assert "## Problems" in printed
    assert "train.csv: 4 rows for train, task.rows.train says 5" in err
    assert "dev.csv line 3: 69 bp, task.length_bp says 70" in err
    assert "test.csv line 2: label '2' is not 0 or 1" in err


def test_fasta_folders(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "nucleotide_transformer_downstream_tasks_revised" / "H2AFZ"
    folder.mkdir(parents=True)
    rows = [f">chr1:{i}|{i % 2}\n{'ACGT'[i % 4] * (i + 5)}\n" for i in range(20)]
    (folder / "train.fna").write_text("".join(rows))
    arguments = ("check", "nt_revised", f"data_dir={tmp_path}")
    status, printed, err = run(*arguments)
    assert status == 2
    assert f"task nt_revised_h2afz: {folder} has no test.fna; add it" in err
    (folder / "test.fna").write_text(rows[0])
    status, printed, _ = run(*arguments)
    assert status == 0
    assert "1 of 18 tasks of nt_revised are here" in printed
    assert "| nt_revised_h2afz | train | 17 |" in printed
    assert "| nt_revised_h2afz | test | 1 | 5 | 0: 1 (100.0%) |" in printed
    assert "Shares names with the first release" in printed


def test_another_checksum(run: Run, mine: Path, tmp_path: Path) -> None:
    arguments = ("check", "task=core_tata", f"data_dir={tmp_path}")
    status, printed, err = run(*arguments, f"+task.sha256.dev={'0' * 64}")
    assert status == 2
    assert "| dev | 4 | 70 |" in printed
    assert "differs" in printed
    assert "that of the published file 000000000000; get it anew" in err


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["check"], "task: say what to check"),
        (["check", "gue", "task=core_all"], "task: say what to check"),
        (["check", "geu"], "geu: there is no such benchmark; did you mean gue?"),
        (["check", "task=core_al"], "task: there is no core_al; did you mean core_all?"),
        (["check", "task=_gue"], "task: _gue is what other files build upon"),
        (["check", "gue", "task.rows=null"], "task.rows=null: changes one task"),
        (["check", "task=h3", "dir=x"], "dir: there is no such key"),
        (["check", "task=h3", "task.row=1"], "task.row: there is no such key; did you mean rows?"),
        (["check", "task=h3", "data_dir={dir}"], "task h3: no data in {dir} (data_dir)"),
        (["check", "gue", "data_dir={dir}"], "have nothing of gue; fetch it with python -m"),
        (["check", "task=h3", "config_dir={dir}"], "config_dir: {dir} has no folder task"),
        (
            ["check", "task=yeast_half_life_pombe", "data_dir={dir}"],
            "task yeast_half_life_pombe: no {dir}/yeast_half_life/spombe_eser2016.csv.gz",
        ),
    ],
)
def test_wrong_arguments(run: Run, tmp_path: Path, typed: list[str], message: str) -> None:
    status, _, err = run(*(text.format(dir=tmp_path) for text in typed))
    assert status == 2
    assert err.startswith("error: ")
    assert message.format(dir=tmp_path) in err


def test_a_task_of_the_users(run: Run, tmp_path: Path) -> None:
    (tmp_path / "conf" / "task").mkdir(parents=True)
    (tmp_path / "conf" / "task" / "mine.yaml").write_text(
        "defaults: [csv, _self_]\nname: mine\ntraps: {few: Four rows a split.}\nsource:\n"
        + "".join(f"  {split}: {tmp_path}/{split}.csv.gz\n" for split in SPLITS)
    )
    for split, letter in zip(SPLITS, "CGT", strict=True):
        text = f"sequence,label\nAA{letter},0\nA{letter}A,1\nA{letter}A,0\n{letter}AA,1\n"
        (tmp_path / f"{split}.csv.gz").write_bytes(gzip.compress(text.encode()))
    status, printed, _ = run("check", "task=mine", f"config_dir={tmp_path / 'conf'}")
    assert status == 0
    assert "| train | 4 | 3 | 0: 2 (50.0%) / 1: 2 (50.0%) | 0.333 / 0.333 | 1 | 1 | 0 |" in printed
    assert "**few**: Four rows a split." in printed
    assert f"| source | `{tmp_path}/train.csv.gz`, `{tmp_path}/dev.csv.gz`, `" in printed


def test_usage(run: Run) -> None:
    status, printed, _ = run("check", "--help")
    assert status == 0
    assert "python -m dnaft.data check task=NAME" in printed
