"""dry_run=true: nothing is done; what is missing, and the steps of the run itself, are told."""

import csv
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants

from dnaft.train import main
from small_runs import SMALL_BERT, SMALL_OPT, Command, result

RUN = [*SMALL_BERT, "method=adalora_rs", "method.callbacks.rank_sampler.interval=3"]
SETTINGS = ["data.batch_size=10", "trainer.max_epochs=3", "trainer.val_check_interval=0.5"]
# What a task says of files that are not here: as many rows as those of the fixture.
ASSERTED = ["task.length_bp=60", "task.rows={train:96,dev:48,test:48}"]
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
    unknown = "task.rows.train, task.rows.dev, task.rows.test, task.length_bp"
    reason = f"nothing stands in for the data: task promoters does not say {unknown}"
    assert f"- no estimate: {reason}; set it for an estimate [2 runs, such as method=lora" in out
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


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["+method.inject.nope=3"], "method.inject.nope: inject_adalora has no such argument"),
        (["method=full", "released=[alpha_dropout]"], "method.inject.alpha: inject_full has no"),
        (
            ["method=adalora", "released=[sampling_rule]"],
            "method.callbacks.rank_sampler.variant: rank_allocator has no such argument",
        ),
        (["method.inject.target_roles=[zz]"], "method.inject: role 'zz' matches no module of tiny"),
        (["+method.optimizer.nope=1"], "method.optimizer.nope: "),
        (["method.callbacks.rank_sampler.interval=-1"], "method.callbacks.rank_sampler: "),
        (["+model.nope=1"], "model.nope: load_backbone has no such argument"),
        (["+tokenizer.nope=1"], "tokenizer.nope: KmerTokenizer has no such argument"),
        (["+logger.nope=1"], "logger.nope: csv_logger has no such argument"),
        (["data.batch_size=0"], "data: batch_size must be 1 or more, got 0"),
        (["trainer.precision=17"], "trainer.precision: got 17; needs one of"),
        (["loss.focal_gamma=-1"], "loss: focal_gamma must be 0 or more, got -1"),
        (["loss.class_weights=[1,2,3]"], "loss: class_weights has 3 numbers and the task 2"),
        (["fast.frozen_bf16=true", "trainer.precision=32-true"], "fast.frozen_bf16: is true, and"),
    ],
)
@pytest.mark.parametrize("data", ["here", "missing"])
def test_what_fails_at_once_is_told_before_anything_is_measured_or_read(
    dry_run: DryRun, overrides: list[str], message: str, data: str
) -> None:
    missing = ["task.source.train=none.csv", *ASSERTED] if data == "missing" else []
    typed = ["model=tiny", "trainer.accelerator=cpu", *missing, *overrides]
    out, status = dry_run(*typed, dry_run="unmeasured")
    assert (status, message in out) == (2, True), out
    assert "Nothing is missing here." not in out


def test_probes_and_baselines_are_checked_too(dry_run: DryRun) -> None:
    for method, part in (("layer_probe", "probe"), ("baseline_kmer", "baseline")):
        model = [] if part == "baseline" else ["model=tiny"]
        chosen = [*model, f"method={method}", f"+method.{part}.nope=1"]
        out, status = dry_run(*chosen, dry_run="unmeasured")
        assert (status, f"method.{part}.nope: " in out) == (2, True), out


def test_random_sequences_stand_in_for_data_that_are_not_here(
    dry_run: DryRun, train: Command
) -> None:
    out, status = dry_run(*RUN, *SETTINGS, *ASSERTED, "task.source.train=none.csv")
    assert status == 2
    assert "none.csv" in out
    said = "random sequences of 60 bp stand in for the data, counted by task.rows"
    assert said in out
    # As many steps as with the files, see above, and a time.
    assert row(out)[:6] == ["csv", "tiny", "adalora_rs", "10", "1", "30"]
    assert row(out)[6] != "-"
    assert "1 run: 0.0" in out


def test_schedules_are_those_of_the_run_where_few_rows_stand_in(dry_run: DryRun) -> None:
    # The 5 batches that stand in for 10 make 15 steps of 30, in which no rank would ever change.
    missing = [*RUN[:-1], *SETTINGS, *ASSERTED, "task.source.train=none.csv"]
    out, _ = dry_run(*missing, "method.callbacks.rank_sampler.interval=12")
    assert row(out)[6] != "-"
    out, _ = dry_run(*missing, "method.callbacks.rank_sampler.interval=23")
    assert "the interval is 23 steps, and ranks may change in steps 1 to 22 of 30" in out
    assert row(out)[6] == "-"


def test_a_packaged_tokenizer_stands_in_for_one_of_the_hub(dry_run: DryRun) -> None:
    small = ["model=tiny_opt", *SMALL_OPT, "method=lora", "tokenizer.source=someone/none"]
    out, status = dry_run(*small)
    assert status == 2
    assert "no tokenizer 'someone/none' on this disk" in out
    assert "packaged byte pairs (about two bases a token) stand in for the model's tokenizer" in out
    assert row(out)[6] != "-"
    assert "counted by task.rows" not in out  # the data are here
    out, status = dry_run(*small, "tokenizer.source=none.json")
    assert status == 2
    assert "no estimate: no packaged tokenizer can stand in for this one" in out


def test_a_stand_in_leaves_nothing_in_the_cache(dry_run: DryRun, tmp_path: Path) -> None:
    dry_run(*RUN, *ASSERTED, "task.source.train=none.csv", dry_run="unmeasured")
    assert not (tmp_path / "cache").exists()


def test_a_model_too_large_to_measure_has_no_estimate_and_says_why(
    dry_run: DryRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dnaft.bounded_pace.SHARE_OF_FREE_MEMORY", 0.0)
    out, status = dry_run(*RUN, *SETTINGS)
    assert status == 0
    assert "more than half of the memory that is free here" in out
    assert row(out)[5:7] == ["30", "-"]


def test_a_large_model_is_measured_by_a_part_of_a_batch(
    dry_run: DryRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dnaft.bounded_pace.LONGEST_SCORING_SECONDS", 0.0)
    monkeypatch.setattr("dnaft.bounded_pace.PATIENCE_SECONDS", 0.0)
    out, _ = dry_run(*RUN, *SETTINGS)
    assert "measured with 10 of 10 rows a batch, 1 of 48 of dev, and scaled up" in out
    assert "measured from 1 step alone" in out
    assert row(out)[6] != "-"


def test_a_value_that_does_not_exist_is_refused_once_and_before_runs_are_composed(
    dry_run: DryRun, train: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = [*SMALL_BERT, "method=lora", "trainer.max_epochs=1"]
    train(*one, "seed=1")
    capsys.readouterr()
    there = f"output_dir={tmp_path / 'out'}"
    for seeds in ("seed=1", "seed=1,2,3"):  # all done; some not
        out, status = dry_run("-m", *one, seeds, there, dry_run="maybe")
        assert out.count("dry_run: must be false, true, unmeasured; got maybe") == 1
        assert "composing" not in out
        assert status == 2


def test_messages_about_a_single_run_do_not_name_it(dry_run: DryRun) -> None:
    for typed in (["seed=1"], ["-m", "seed=1"]):
        out, status = dry_run(*SMALL_BERT, "method=lora", "model.source=someone/none", *typed)
        assert status == 2
        assert "\n- measured with random weights of the same shape\n" in out
        assert "model=tiny" not in out
