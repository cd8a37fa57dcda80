"""Wrong commands: one message that says what, where and how to fix it; status 2; nothing left."""

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dnaft.train import main
from small_runs import SMALL_BERT

SEQUENCES = ["ACGTACGTACGTGGCC", "TTGACGTACGATGGCA", "GGCATCGATCGATCGA", "CATGCATGCCATGCAT"]
GOOD = "sequence,label\n" + "".join(f"{s},{i % 2}\n" for i, s in enumerate(SEQUENCES))

Command = Callable[..., str]


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run a command that must be refused; return its message, the files standing for {dir}."""
    for split in ("train", "dev", "test"):
        # Other rows in each split: no leaks to warn of.
        text = GOOD.replace("ACGTACGT", {"train": "ACGT", "dev": "CCGT", "test": "GCGT"}[split])
        (tmp_path / f"{split}.csv").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DNAFT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))

    def run(*overrides: str, small: bool = True) -> str:
        files = [f"task.source.{split}={split}.csv" for split in ("train", "dev", "test")]
        task = ["task=csv", *files] if small else []
        arguments = [*task, *(SMALL_BERT if small else []), *overrides]
        monkeypatch.setattr(
            sys, "argv", ["dnaft.train", *(a.format(dir=tmp_path) for a in arguments)]
        )
        monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(SystemExit) as caught:
            main()
        message = capsys.readouterr().err
        assert caught.value.code == 2, message
        assert message.startswith("error: ")
        assert message.count("error:") == 1
        assert "Traceback" not in message
        assert "Error executing job" not in message
        new = {path for path in tmp_path.rglob("*") if path not in before and path.is_file()}
        left = {path for path in new if not path.is_relative_to(tmp_path / "cache")}
        assert left <= {path for path in left if "hub" in path.parts}, "files are left behind"
        return message.removeprefix("error: ").strip()

    return run


# name: (overrides, parts of the message)
BAD: dict[str, tuple[list[str], list[str]]] = {
    "task": (["task=prom_tatta"], ["task: there is no prom_tatta", "did you mean prom_tata?"]),
    "method": (["method=lroa"], ["method: there is no lroa", "did you mean lora?"]),
    "base": (["method=_base"], ["method: _base is what other files build upon", "lora"]),
    "group": (["metod=lora"], ["metod: there is no such key; did you mean method?"]),
    "key_of_a_group": (["rank=4"], ["rank: there is no such key; there is method.rank"]),
    "key": (["trainer.max_epochz=3"], ["trainer.max_epochz:", "did you mean max_epochs?"]),
    "nested_key": (["method.inject.rnk=3"], ["method.inject.rnk:", "did you mean rank?"]),
    "added_key": (["+foo=1"], ["foo: there is no such key", "seed"]),
    "added_method_key": (["+method.rnk=3"], ["method.rnk:", "did you mean rank?"]),
    "added_trainer_key": (["+trainer.epochs=3"], ["trainer.epochs: Trainer has no such argument"]),
    "not_key_value": (["method.rank"], ["method.rank: cannot be read as KEY=VALUE"]),
    "null_group": (["task=null"], ["task=null: no choice"]),
    "null_logger": (["logger=null"], ["logger=null: no choice"]),
    "deleted": (["~callbacks.x"], ["callbacks.x"]),
    "appended": (["+method.name=x"], ["method.name=x"]),
    "interpolation": (["data.batch_size=${{nope}}"], ["data.batch_size: ", "nope"]),
    "missing_value": (["task.source.train=???"], ["task.source.train: has no value"]),
    "seed_word": (["seed=x"], ["seed: value 'x'"]),
    "seed_negative": (["seed=-1"], ["seed: must lie between 0 and 4,294,967,295, got -1"]),
    "resume_word": (["resume=maybe"], ["resume: value 'maybe' is not a valid bool"]),
    "epochs_word": (["trainer.max_epochs=abc"], ["trainer.max_epochs: got 'abc'; needs a whole"]),
    "epochs_none": (["trainer.max_epochs=-5"], ["trainer: ", "max_epochs"]),
    "precision": (["trainer.precision=7"], ["trainer", "precision"]),
    "half precision": (
        ["trainer.precision=bf16-true"],
        ["trainer.precision: bf16-true rounds the weights that train", "set bf16-mixed"],
    ),
    "accelerator": (["trainer.accelerator=abacus"], ["trainer: ", "abacus"]),
    "devices": (["trainer.devices=none_at_all"], ["trainer: ", "devices"]),
    "accumulate": (
        ["trainer.accumulate_grad_batches=0"],
        ["trainer.accumulate_grad_batches: must be 1"],
    ),
    "clip": (["trainer.gradient_clip_val=-1"], ["trainer"]),
    "val_interval": (["trainer.val_check_interval=999"], ["val_check_interval", "999"]),
    "limit_batches": (["trainer.limit_train_batches=-2"], ["trainer: ", "limit_train_batches"]),
    "batch_size_zero": (["data.batch_size=0"], ["data: batch_size must be 1 or more, got 0"]),
    "batch_size_word": (["data.batch_size=many"], ["data.batch_size: got 'many'; needs a whole"]),
    "batch_size_bool": (["data.batch_size=true"], ["data.batch_size: got true; needs a number"]),
    "workers": (["data.num_workers=-1"], ["data: num_workers must be 0 or more, got -1"]),
    "long_input_word": (["data.long_input=warn"], ["data.long_input:", "'windows'", "'cut'"]),
    "overlap": (
        ["data.window_overlap_fraction=1"],
        ["data: window_overlap_fraction must lie in [0, 1), got 1.0"],
    ),
    "too_long": (
        ["model.max_tokens=5"],
        ["over the limit of 5 tokens", "data.long_input=windows", "data.long_input=cut"],
    ),
    "no_room": (
        ["model.max_tokens=2", "data.long_input=windows"],
        ["train.csv line 2: no base fits into 2 tokens", "method.prefix"],
    ),
    "column_b": (
        ["task.source.sequence_b_column=promoter"],
        ["train.csv line 1: no column 'promoter'", "task.source.sequence_b_column"],
    ),
    "same_column": (
        ["task.source.sequence_b_column=sequence"],
        ["task.source: sequence_column and sequence_b_column are both 'sequence'"],
    ),
    "rank_negative": (["method.rank=-1"], ["method.inject: rank must be above 0, got -1"]),
    "rank_word": (["method.rank=big"], ["method.rank: got 'big'; needs a whole number"]),
    "rank_of_full": (["method=full", "method.rank=4"], ["method.rank: there is no such key"]),
    "dropout": (["method.inject.dropout=1.5"], ["method.inject: dropout must lie in [0, 1)"]),
    "head_dropout": (["method.head_dropout=2"], ["method.head_dropout"]),
    "head_dropout_word": (["method.head_dropout=x"], ["method.head_dropout: got 'x'; needs a num"]),
    "orthogonality": (
        ["method.orthogonality_weight=-1"],
        ["method.orthogonality_weight: must not"],
    ),
    "orthogonality_of_lora": (
        ["method=lora", "method.orthogonality_weight=0.1"],
        ["method.orthogonality_weight: the method has no singular vectors"],
    ),
    "lr": (["method.optimizer.lr=-1"], ["method.optimizer: lr must be above 0, got -1"]),
    "lr_word": (["method.optimizer.lr=fast"], ["method.optimizer.lr: got 'fast'; needs a number"]),
    "decay": (["method.optimizer.decay=cubic"], ["method.optimizer.decay: got 'cubic'", "linear"]),
    "inject_null": (["method.inject=null"], ["method.inject: is null", "train nothing"]),
    "top_layers": (
        ["method=partial", "method.inject.top_layers=9"],
        ["method.inject: top_layers must lie in 0..2"],
    ),
    "quantise_of_random_weights": (
        ["method=qlora"],
        ["method.quantise: random weights are not kept in four bits", "model.source"],
    ),
    "quantise_word": (
        ["method=lora", "method.quantise=int3"],
        ["method.quantise: got 'int3'; needs one of 'nf4' or 'fp4' or null"],
    ),
    "virtual_tokens_of_lora": (
        ["method=lora", "method.virtual_tokens=5"],
        ["method.virtual_tokens: 5 are reserved, and method lora puts 0 in front"],
    ),
    "virtual_tokens_and_no_row": (
        ["method=prompt_tuning", "method.virtual_tokens=512"],
        ["method.virtual_tokens: 512 leave no room", "model.max_tokens=512"],
    ),
    "virtual_tokens_and_long_rows": (
        ["method=p_tuning_v2", "method.virtual_tokens=500"],
        ["over the limit of 12 tokens"],
    ),
    "peft_without_class": (
        ["method=peft"],
        ["method.peft_config._target_: has no value"],
    ),
    "peft_field": (
        [
            "method=peft",
            "method.peft_config._target_=peft.HRAConfig",
            "method.optimizer.lr=0.1",
            "+method.peft_config.rr=2",
        ],
        ["method.inject.peft_config.rr: HRAConfig has no such argument; did you mean r?"],
    ),
    "peft_and_model": (
        ["method=peft", "method.peft_config._target_=peft.PolyConfig", "method.optimizer.lr=0.1"],
        ["method.inject: ", "task_ids"],
    ),
    "target": (
        ["method.inject._target_=os.system"],
        ["method.inject._target_: os.system lies out"],
    ),
    "no_target": (["method.inject._target_=dnaft.methods.x"], ["there is no class or function"]),
    "class_weights_word": (
        ["loss.class_weights=even"],
        ["loss.class_weights: got 'even'", "'balanced'", "a list"],
    ),
    "class_weights_of_parts": (
        ["loss.class_weights=balanced", "trainer.accumulate_grad_batches=4"],
        ["trainer.accumulate_grad_batches: 4 parts of a batch", "data.batch_size"],
    ),
    "class_weights_count": (
        ["loss.class_weights=[1,2,3]"],
        ["loss: class_weights has 3 numbers and the task 2 classes"],
    ),
    "focal_gamma": (["loss.focal_gamma=-1"], ["loss: focal_gamma must be 0 or more, got -1"]),
    "label_smoothing": (["loss.label_smoothing=1"], ["loss: label_smoothing must lie in [0, 1)"]),
    "loss_of_regression": (
        ["task.kind=regression", "loss.class_weights=balanced"],
        ["loss: class_weights, focal_gamma and label_smoothing are for classes", "task.kind"],
    ),
    "balanced_twice": (
        ["loss.class_weights=balanced", "data.weighted_sampling=true"],
        ["loss.class_weights: balanced, and data.weighted_sampling=true", "leave out one"],
    ),
    "sampling_of_regression": (
        ["task.kind=regression", "data.weighted_sampling=true"],
        ["data: weighted_sampling draws classes alike", "regression"],
    ),
    "one_strand": (
        ["task.strand_matters=true", "data.reverse_complement=0.5"],
        ["data: reverse_complement: task csv says task.strand_matters=true", "Leave it out"],
    ),
    "strand_word": (["data.reverse_complement=true"], ["data.reverse_complement: got true"]),
    "mlm_word": (["eval.mlm=maybe"], ["eval.mlm: value 'maybe' is not a valid bool"]),
    "eval_key": (["eval.mlmm=true"], ["eval.mlmm: there is no such key; did you mean mlm?"]),
    "role": (["method.inject.target_roles=[q,x]"], ["method.inject: ", "'x'"]),
    "roles_word": (["method.inject.target_roles=q"], ["method.inject.target_roles:", "a list"]),
    "target_rank": (
        ["method.callbacks.rank_sampler.target_rank=99"],
        ["target_rank 99", "method.rank"],
    ),
    "interval": (["method.callbacks.rank_sampler.interval=5000"], ["interval", "0.02"]),
    "probability": (
        ["method.callbacks.rank_sampler.drop_probability=2"],
        ["method.callbacks.rank_sampler: ", "2"],
    ),
    "callback": (["+callbacks.mine=3"], ["callbacks.mine: got 3", "_target_"]),
    "monitor": (
        ["callbacks=early_stopping", "callbacks.early_stopping.monitor=dev/mc"],
        ["callbacks.early_stopping.monitor: there is no dev/mc; did you mean dev/mcc?"],
    ),
    "mode": (
        [
            "callbacks=early_stopping",
            "callbacks.early_stopping.monitor=dev/mcc",
            "callbacks.early_stopping.mode=min",
        ],
        ["callbacks.early_stopping: mode is min", "dev/mcc is better the higher it is"],
    ),
    "baseline_with_model": (
        ["method=baseline_kmer", "model=tiny"],
        ["model: ", "no language model"],
    ),
    "model_folder_missing": (["model.source=./nowhere"], ["model.source: there is no folder"]),
    "model_folder_empty": (["model.source={dir}"], ["model.source: ", "config.json"]),
    "model_type": (["model.architecture.model_type=brt"], ["model", "brt"]),
    "heads": (["model.architecture.num_attention_heads=3"], ["model: ", "3"]),
    "tokenizer_size": (["tokenizer=kmer", "tokenizer.k=7"], ["tokenizer", "vocab"]),
    "k": (["tokenizer.k=0"], ["tokenizer: ", "k "]),
    "output_is_file": (["output_dir=train.csv"], ["output_dir: cannot write to train.csv"]),
    "output_below_file": (["output_dir=train.csv/runs"], ["output_dir: cannot write to train.csv"]),
    "data_file": (["task.source.dev=none.csv"], ["none.csv: no such file", "check the path"]),
    "same_file": (["task.source.dev=train.csv"], ["task.source.dev and task.source.train"]),
    "column": (["task.source.sequence_column=dna"], ["train.csv line 1: no column 'dna'"]),
    "classes": (["task.kind=multiclass", "task.outputs=3"], ["no training row has label 2"]),
    "kind": (["task.kind=ranking"], ["task.kind: got 'ranking'", "'binary'"]),
    "metric": (
        ["task.choose_by=r2"],
        ["task: choose_by must be a score of a binary task", "mcc", "r2"],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_command(name: str, refused: Command) -> None:
    overrides, parts = BAD[name]
    message = refused(*overrides)
    assert "\n" not in message
    assert len(message) < 1000
    for part in parts:
        assert part in message


# name: (content of train.csv, parts of the message)
FILES = {
    "empty": ("", ["train.csv: the file is empty", "header line"]),
    "label_word": (GOOD + "ACGTACGTAC,yes\n", ["train.csv line 6: label 'yes' is not 0 or 1"]),
    "label_out_of_range": (
        GOOD + "ACGTACGTAC,7\n",
        ["train.csv line 6: label '7'", "task.outputs"],
    ),
    "letter": (GOOD + "ACGTAZGTAC,1\n", ["train.csv line 6: letter 'Z'", "task.alphabet"]),
    "shorter_than_k": (GOOD + "AC,1\n", ["train.csv line 6", "2 bp"]),
}


@pytest.mark.parametrize("name", FILES)
def test_wrong_file(name: str, refused: Command, tmp_path: Path) -> None:
    content, parts = FILES[name]
    (tmp_path / "train.csv").write_text(content)
    message = refused()
    assert "\n" not in message
    assert len(message) < 1000
    for part in parts:
        assert part in message


def test_language_prefix_needs_a_tokenizer_of_text(refused: Command) -> None:
    message = refused("method=lingo")
    assert "tokenizer" in message
    assert "model=opt_125m" in message


def test_model_folder_without_weights(refused: Command, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text('{"model_type": "bert"}')
    assert "holds no weights" in refused("model.source={dir}/model")


def test_no_data_and_no_network(refused: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that is closed: the hub does not answer, at once."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", "hub")
    message = refused("task=prom_tata", "data_dir={dir}", "model=tiny", small=False)
    assert "data_dir" in message
    assert "prom_300_tata" in message


def test_language_model_is_missing(refused: Command) -> None:
    message = refused("model=none", small=False)
    assert message.startswith("model: ")
    assert "model=tiny" in message


# override, start of the message
NOT_FOR_BASELINES = {
    "loss.focal_gamma=2": "loss.focal_gamma: is 2, and method baseline_kmer is a linear model",
    "method.head_dropout=0.5": "method.head_dropout: is 0.5, and method baseline_kmer",
    "method.orthogonality_weight=3": "method.orthogonality_weight: is 3, and method",
    "method.quantise=nf4": "method.quantise: is nf4, and method baseline_kmer",
    "method.prefix=ABC": "method.prefix: is ABC, and method baseline_kmer",
    "callbacks=early_stopping": "callbacks: early_stopping act while a model is trained",
}


@pytest.mark.parametrize(("override", "start"), NOT_FOR_BASELINES.items())
def test_a_baseline_passes_over_nothing_in_silence(
    override: str, start: str, refused: Command
) -> None:
    message = refused("method=baseline_kmer", override, small=False)
    assert message.startswith(start)


# overrides, start of the message
NOT_FOR_PROBES = [
    (["loss.focal_gamma=2"], "loss.focal_gamma: is 2, and method layer_probe is a linear model"),
    (["data.reverse_complement=0.5"], "data.reverse_complement: is 0.5, and method layer_probe"),
    (["data.weighted_sampling=true"], "data.weighted_sampling: is True, and method layer_probe"),
    (["eval.mlm=true"], "eval.mlm: is True, and method layer_probe"),
    (["method.virtual_tokens=3"], "method.virtual_tokens: is 3, and method layer_probe"),
    (["method.head_dropout=0.1"], "method.head_dropout: is 0.1, and method layer_probe"),
    (["trainer.precision=bf16-mixed"], "trainer.precision: is bf16-mixed, and method layer_probe"),
    (["callbacks=early_stopping"], "callbacks: early_stopping act while a model is trained"),
    (["method.probe.penalties=[]"], "method.probe: penalties must name one number or more"),
    (["method.probe.penalties=[1,0]"], "method.probe: penalties must be above 0 and finite, got 0"),
    (
        ["method.inject={{_target_:dnaft.methods.full.inject_full,_partial_:true}}"],
        "method.inject: method layer_probe is a linear model, which method.probe describes by",
    ),
    (["model=none"], "model: method layer_probe needs a language model, and model=none is none"),
]


@pytest.mark.parametrize(("overrides", "start"), NOT_FOR_PROBES)
def test_a_probe_passes_over_nothing_in_silence(
    overrides: list[str], start: str, refused: Command
) -> None:
    small = [] if "model=none" in overrides else SMALL_BERT
    files = [f"task.source.{split}={split}.csv" for split in ("train", "dev", "test")]
    message = refused("task=csv", *files, "method=layer_probe", *small, *overrides, small=False)
    assert message.startswith(start)


def test_sweep_into_a_file(refused: Command) -> None:
    message = refused("-m", "method=lora,full", "output_dir=train.csv", small=False)
    assert message.startswith("output_dir: cannot write to train.csv")


def test_two_wrong_jobs_of_a_sweep_are_both_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["dnaft.train", "-m", "method=lora,full", "seed=-1"])
    with pytest.raises(SystemExit, match="2"):
        main()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("error: method=lora: seed: must lie between")
    assert lines[1].startswith("error: method=full: seed: must lie between")
    assert lines[2:] == ["error: 2 of 2 runs failed"]
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["multirun.yaml"]


def test_a_bug_keeps_its_traceback(
    refused: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr("dnaft.processes.run", broken)
    with pytest.raises(KeyError, match="a bug"):
        refused()
    assert not list(tmp_path.rglob("seed*"))
