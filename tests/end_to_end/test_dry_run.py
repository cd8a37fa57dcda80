"""dry_run=true: nothing is done; what is missing, and the steps of the run itself, are told."""

import csv
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants

from dnaft.train import main
from small_runs import SMALL_BERT, Command, result

RUN = [*SMALL_BERT, "method=adalora_rs", "method.callbacks.rank_sampler.interval=3"]
SETTINGS = ["data.batch_size=10", "trainer.max_epochs=3", "trainer.val_check_interval=0.5"]
DryRun = Callable[..., tuple[str, int]]


@pytest.fixture
def dry_run(
    tmp_path: Path,
    promoter_files: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> DryRun:
    """Run the command line in an empty folder; return what it printed and its status."""
    monkeypatch.setenv("DNAFT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def run(*overrides: str, dry_run: str = "true") -> tuple[str, int]:
        flags = [typed for typed in overrides if typed.startswith("-")]
        rest = [typed for typed in overrides if typed not in flags]
        arguments = [*flags, *promoter_files, *rest, f"dry_run={dry_run}"]
        monkeypatch.setattr(sys, "argv", ["dnaft.train", *arguments])
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = int(str(stop.code))
        assert not any((tmp_path / "here").iterdir())
        printed = capsys.readouterr()
        return printed.out + printed.err, status

    return run


def row(out: str) -> list[str]:
    """Return the cells of the one line of the table."""
    (line,) = [line for line in out.splitlines() if line.startswith("| csv")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_it_counts_what_the_run_then_does(dry_run: DryRun, train: Command) -> None:
    out, status = dry_run(*RUN, *SETTINGS)
    assert status == 0
    assert out.count("1 run\n") == 1
    assert "measuring tiny, adalora_rs, promoters" in out
    assert "Nothing is missing here." in out
    folder = train(*RUN, *SETTINGS)
    # 96 rows in batches of 10 are 10, 3 epochs 30 steps; dev is scored twice an epoch.
    assert row(out)[:6] == ["csv", "tiny", "adalora_rs", "10", "1", "30"]
    assert result(folder)["timing"]["steps"] == 30
    with (folder / "metrics.csv").open(newline="") as file:
        assert sum(bool(line["dev/mcc"]) for line in csv.DictReader(file)) == 6


def test_a_sweep_is_measured_once_a_kind_and_what_is_done_is_left_out(
    dry_run: DryRun, train: Command, tmp_path: Path
) -> None:
    one = [*SMALL_BERT, "method=lora", "trainer.max_epochs=1"]
    train(*one, "seed=1")
    out, status = dry_run("-m", *one, "seed=1,2,3", f"output_dir={tmp_path / 'out'}")
    assert status == 0
    assert "3 runs, 1 of them done already" in out
    assert out.count("measuring") == 1
    assert row(out)[4:6] == ["2", "3"]  # 96 rows in batches of 32
    assert "2 runs: 0.0" in out


def test_missing_weights_are_told_and_random_ones_measured(dry_run: DryRun) -> None:
    out, status = dry_run(*SMALL_BERT, "method=lora", "model.source=someone/none")
    assert status == 2
    assert "measured with random weights of the same shape" in out
    assert "model.source: no weights of someone/none here" in out
    assert "HF_HUB_OFFLINE forbids to ask it" in out
    assert row(out)[6] != "-"


def test_what_is_missing_or_wrong_is_told_of_each_run_while_the_others_are_planned(
    dry_run: DryRun,
) -> None:
    out, status = dry_run(
        "-m", *SMALL_BERT, "method=lora,baseline_kmer", "task.source.train=none.csv", "seed=1,2"
    )
    assert status == 2
    assert out.count("none.csv") == 1
    assert "model: method baseline_kmer uses no language model" in out
    assert "- no estimate without data and tokenizer [2 runs, such as method=lora seed=1]" in out
    assert "No hours: no step was measured." in out


def test_steps_on_several_devices_are_counted_but_not_measured(dry_run: DryRun) -> None:
    out, status = dry_run(*RUN, *SETTINGS, "trainer.devices=2")
    assert status == 0
    assert "no estimate: steps are measured on one device alone, see trainer.devices" in out
    assert row(out)[5:7] == ["30", "-"]


def test_unmeasured_it_still_counts(dry_run: DryRun) -> None:
    out, status = dry_run(*RUN, *SETTINGS, dry_run="unmeasured")
    assert status == 0
    assert "measuring" not in out
    assert row(out)[5:] == ["30", "-", "-", "-"]


@pytest.mark.parametrize(
    ("value", "more", "message"),
    [
        ("maybe", [], "dry_run: must be false, true, unmeasured; got maybe"),
        ("true", ["hydra.mode=RUN"], "dry_run: hydra.mode=RUN asks for the run itself"),
    ],
)
def test_no_run_begins_by_mistake(
    dry_run: DryRun, tmp_path: Path, value: str, more: list[str], message: str
) -> None:
    output = tmp_path / "out"
    out, status = dry_run(*RUN, *more, f"output_dir={output}", dry_run=value)
    assert (status, message in out) == (2, True), out
    assert not list(output.rglob("seed1*"))
