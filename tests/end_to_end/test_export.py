"""`python -m dnaft.export`: runs on real sequences, read again without dnaft; refusals."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BitsAndBytesConfig

from dnaft.config import build
from dnaft.data.reader import read_csv
from dnaft.export import Settings, check, main
from dnaft.export_run import DESCRIPTION, describe
from dnaft.methods.triplets import find_triplets
from dnaft.models.backbone import Backbone
from dnaft.models.quantise import quantisation
from dnaft.record import read
from dnaft.saved_run import BASE, load_exported, load_model, rebuild
from small_runs import SMALL_BERT, SMALL_OPT

REPOSITORY = Path(__file__).parents[2]
EPOCHS = ["trainer.max_epochs=2", "data.batch_size=16"]
RUNS = {
    "adalora_rs": ["method=adalora_rs", *SMALL_BERT],  # tiny standardises its features
    "ia3": ["method=ia3", *SMALL_BERT, "model.standardise_features=false"],
    "linear_probe": ["method=linear_probe", *SMALL_BERT],
    "full": ["method=full", *SMALL_BERT],
    "opt": ["method=lingo", "model=tiny_opt", *SMALL_OPT],
    "baseline": ["method=baseline_kmer", "progress=false"],
}
# What a user writes: transformers, peft, and the two layers of the head.
FRESH = """
import json, sys
from collections import OrderedDict
from pathlib import Path
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModel

for name in json.loads(sys.argv[1]):
    folder = Path(name)
    head = json.loads((folder / "task_head.json").read_text())
    width = head["hidden_size"]
    layers = OrderedDict(linear=torch.nn.Linear(width, head["outputs"]))
    if head["standardise_features"]:
        layers["norm"] = torch.nn.BatchNorm1d(width, affine=False)
        layers.move_to_end("norm", last=False)
    task_head = torch.nn.Sequential(layers)
    if head["merged"]:
        model = base = AutoModel.from_pretrained(folder)
        task_head.load_state_dict(load_file(folder / "task_head.safetensors"))
        base.task_head = task_head
    else:
        base = AutoModel.from_pretrained(folder / head["base"])
        base.task_head = task_head
        model = PeftModel.from_pretrained(base, folder)
    rows = load_file(sys.argv[2])
    ids, mask = rows[f"{head['model']}.ids"], rows[f"{head['model']}.mask"]
    with torch.no_grad():
        hidden = model.eval()(input_ids=ids, attention_mask=mask).last_hidden_state
        if head["pooling"] == "mean":
            pooled = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        else:
            assert head["pooling"] == "last"
            pooled = hidden[torch.arange(len(ids)), mask.sum(1) - 1]
        print("logits", json.dumps(base.task_head.eval()(pooled).tolist()))
assert not [name for name in sys.modules if name.startswith("dnaft")]
"""


@pytest.fixture(scope="module")
def runs(
    tmp_path_factory: pytest.TempPathFactory, promoter_files: list[str]
) -> Callable[[str], Path]:
    """Train each run once for all tests of this file."""
    done: dict[str, Path] = {}
    root = tmp_path_factory.mktemp("runs")

    def run(name: str) -> Path:
        if name not in done:
            epochs = [] if name == "baseline" else EPOCHS
            arguments = [*promoter_files, *RUNS[name], *epochs, f"output_dir={root / name}"]
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("DNAFT_CACHE_DIR", str(root / "cache"))
                patch.setattr(sys, "argv", ["dnaft.train", *arguments])
                from dnaft.train import main as train

                train()
            done[name] = next((root / name).rglob("result.json")).parent
        return done[name]

    return run


@pytest.fixture
def export(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def run(*arguments: str) -> None:
        monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
        monkeypatch.setattr(sys, "argv", ["dnaft.export", *arguments])
        main()

    return run


@pytest.fixture
def refused(export: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must be refused; return its message."""

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit, match="2"):
            export(*arguments)
        message = capsys.readouterr().err
        assert message.startswith("error: ")
        assert message.count("\n") == 1
        assert "Traceback" not in message
        return message.removeprefix("error: ").strip()

    return run


def real_rows(folder: Path, rows: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids of real sequences of the run's test split, as the run read them, and their mask."""
    config: Any = read(folder / "result.json").config
    table = read_csv(Path(config["task"]["source"]["test"]), "sequence", ["label"])
    tokenizer = build(config["tokenizer"], "tokenizer")
    encoded = tokenizer.encode(table.sequences[:rows])
    lines = [encoded[i].tolist() for i in range(len(encoded))]
    longest = max(map(len, lines))
    ids = torch.tensor([line + [1] * (longest - len(line)) for line in lines])
    mask = torch.tensor([[1] * len(line) + [0] * (longest - len(line)) for line in lines])
    return ids, mask


def test_transformers_and_peft_alone_give_the_logits_of_the_run(
    runs: Callable[[str], Path], export: Callable[..., None], tmp_path: Path
) -> None:
    """BERT and OPT, adapters and merged, on the sequences that the run was tested on."""
    cases = [(name, merge) for name in ("adalora_rs", "opt") for merge in (False, True)]
    cases += [("ia3", True), ("linear_probe", True), ("full", True)]
    folders, wanted, rows = [], [], {}
    for name, merge in cases:
        out = tmp_path / f"{name}-{merge}"
        export(f"run={runs(name)}", f"merge={str(merge).lower()}", f"out={out}")
        ids, mask = real_rows(runs(name))
        backbone, record = load_model(runs(name))
        rows |= {f"{record.model}.ids": ids, f"{record.model}.mask": mask}
        with torch.no_grad():
            wanted.append(backbone(ids, mask))
        folders.append(str(out))
    save_file(rows, tmp_path / "rows.safetensors")
    done = subprocess.run(
        [sys.executable, "-c", FRESH, json.dumps(folders), str(tmp_path / "rows.safetensors")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers = [
        torch.tensor(json.loads(line.removeprefix("logits ")))
        for line in done.stdout.splitlines()
        if line.startswith("logits ")
    ]
    for answer, want, case, folder in zip(answers, wanted, cases, folders, strict=True):
        assert want.std() > 1e-3, "logits that do not differ by row prove nothing"
        torch.testing.assert_close(answer, want, rtol=1e-5, atol=1e-5, msg=str(case))
        # Also those of the predictions that the run was scored by.
        table = pq.ParquetFile(runs(case[0]) / "test_predictions.parquet").read(use_threads=False)
        saved = torch.from_numpy(table["score"].to_numpy().copy())[: len(answer)]
        torch.testing.assert_close(answer.squeeze(1).double().sigmoid(), saved, rtol=0, atol=1e-5)
        assert sorted(path.name for path in Path(folder).parent.glob(".*")) == []


def test_without_out_it_lies_in_the_run_folder_and_is_not_overwritten(
    runs: Callable[[str], Path],
    export: Callable[..., None],
    refused: Callable[..., str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = tmp_path / "seed1,method.rank=4"  # commas and equals signs, as Hydra would not have them
    shutil.copytree(runs("adalora_rs"), run)
    export(f"run={run}")
    printed = capsys.readouterr().out
    assert "logits of 8 random inputs differ from the run's own by at most" in printed
    assert f"written: {run / 'export' / 'adapter'}" in printed
    before = (run / "export" / "adapter" / "adapter_model.safetensors").read_bytes()
    message = refused(f"run={run}")
    assert message == (
        f"out: {run / 'export' / 'adapter'} exists, and nothing is overwritten; give another with "
        "out=FOLDER"
    )
    assert (run / "export" / "adapter" / "adapter_model.safetensors").read_bytes() == before
    export(f"run={run}", "merge=true")
    names = {path.name for path in (run / "export" / "merged").iterdir()}
    assert names == {
        "config.json", "model.safetensors", "task_head.json", "task_head.safetensors",
    }  # fmt: skip
    merged = load_file(run / "export" / "merged" / "model.safetensors")
    assert not [name for name in merged if "lora" in name or "task_head" in name]
    assert sorted(path.name for path in (run / "export").iterdir()) == ["adapter", "merged"]


def test_a_run_of_an_older_version_is_compacted(
    runs: Callable[[str], Path], export: Callable[..., None], tmp_path: Path
) -> None:
    """Whose adapter/ still has the form P diag(lambda) Q, values of 0 among them."""
    run = tmp_path / "run"
    shutil.copytree(runs("adalora_rs"), run)
    shutil.rmtree(run / "adapter")
    record = read(run / "result.json")
    backbone = rebuild(record, run / BASE)
    build(record.config["method"]["inject"], "method.inject")(backbone)
    generator = torch.Generator().manual_seed(1)
    for group in find_triplets(backbone):
        kept = torch.rand(group.values.shape, generator=generator) < 0.4
        group.values.data = torch.where(kept, torch.randn(kept.shape, generator=generator), 0.0)
    adapted: Any = backbone.model
    adapted.save_pretrained(str(run / "adapter"), save_embedding_layers=False)
    assert "lora_E" in " ".join(load_file(run / "adapter" / "adapter_model.safetensors"))

    export(f"run={run}")
    written = load_file(run / "export" / "adapter" / "adapter_model.safetensors")
    assert "lora_E" not in " ".join(written)
    total = sum(tensor.shape[0] for name, tensor in written.items() if "lora_A" in name)
    assert total == sum(int(g.values.count_nonzero()) for g in find_triplets(backbone))
    ids, mask = real_rows(run)
    with torch.no_grad():
        want = backbone.eval()(ids, mask)
        found = load_exported(record, run / "export" / "adapter")(ids, mask)
    torch.testing.assert_close(found, want, rtol=1e-5, atol=1e-5)


def test_what_is_no_finished_run_is_named(
    runs: Callable[[str], Path], refused: Callable[..., str], tmp_path: Path
) -> None:
    run = runs("full")
    assert "baseline_kmer is a linear model" in refused(f"run={runs('baseline')}")
    assert "full trains weights of the model itself" in refused(f"run={run}")
    assert "there is no folder" in refused(f"run={tmp_path / 'none'}")
    assert f"is a file; give the run folder, {run}" in refused(f"run={run / 'result.json'}")
    assert f"no run folder; below it are {run}" in refused(f"run={run.parents[2]}")
    assert "no run folder: it has no result.json" in refused(f"run={tmp_path}")

    pretraining = tmp_path / "pretraining"
    (pretraining / "model").mkdir(parents=True)
    (pretraining / "model" / "card.json").write_text("{}")
    assert "is a pretraining" in refused(f"run={pretraining}")

    unfinished = tmp_path / "unfinished"
    (unfinished / "checkpoints").mkdir(parents=True)
    (unfinished / "checkpoints" / "last.ckpt").write_bytes(b"")
    assert "is not finished" in refused(f"run={unfinished}")
    (unfinished / "result.json").write_text("{")
    assert "not a readable record" in refused(f"run={unfinished}")

    emptied = tmp_path / "emptied"
    emptied.mkdir()
    shutil.copy(run / "result.json", emptied)
    assert "has lost its weights" in refused(f"run={emptied}", "merge=true")
    assert not list(tmp_path.rglob("export"))


def test_weights_that_cannot_be_read(
    runs: Callable[[str], Path], refused: Callable[..., str], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(runs("adalora_rs"), run)
    (run / "adapter" / "adapter_model.safetensors").unlink()
    assert "adapter_model.safetensors is missing" in refused(f"run={run}")
    (run / "adapter" / "adapter_model.safetensors").write_bytes(b"no tensors")
    assert "run: the weights in" in refused(f"run={run}")
    assert not (run / "export").exists()


def test_a_quantised_base_is_refused_for_merging(
    runs: Callable[[str], Path], refused: Callable[..., str], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(runs("adalora_rs"), run)
    config = json.loads((run / "base" / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    (run / "base" / "config.json").write_text(json.dumps(config))
    message = refused(f"run={run}", "merge=true")
    assert message.startswith("merge: the base model is quantised (bitsandbytes)")
    assert "Without merge=true the adapter is written" in message
    assert not (run / "export").exists()


def in_four_bits(run: Path, copy: Path) -> Path:
    """A copy of a run whose record says that the method kept the base in four bits."""
    shutil.copytree(run, copy)
    record = json.loads((copy / "result.json").read_text())
    record["config"]["method"]["quantise"] = "nf4"
    (copy / "result.json").write_text(json.dumps(record))
    return copy


def test_a_run_that_quantised_its_base_is_refused_for_merging(
    runs: Callable[[str], Path], refused: Callable[..., str], tmp_path: Path
) -> None:
    """The base is in full precision where it comes from, and says nothing of four bits."""
    run = in_four_bits(runs("adalora_rs"), tmp_path / "run")
    assert refused(f"run={run}", "merge=true") == (
        "merge: the base model is quantised (method.quantise=nf4): merged into such weights the "
        "adapter would be rounded away with them. Without merge=true the adapter is written, for "
        "use with its base model"
    )
    loading = heavy_modules(tmp_path, f"run={run}", "merge=true")
    assert loading.returncode == 2
    assert loading.stdout.endswith("[]\n")
    assert check(Settings(run, merge=False, out=tmp_path / "out")).method == "adalora_rs"

    probe = in_four_bits(runs("linear_probe"), tmp_path / "probe")
    for merge in ("true", "false"):
        assert refused(f"run={probe}", f"merge={merge}") == (
            "run: linear_probe has no adapter, and its base model is quantised "
            "(method.quantise=nf4), which a plain transformers folder is not; load the run with "
            "dnaft.saved_run.load_model"
        )
    assert not list(tmp_path.rglob("export"))


def test_the_description_says_how_the_base_was_quantised(
    runs: Callable[[str], Path], export: Callable[..., None], tmp_path: Path
) -> None:
    """As arguments of BitsAndBytesConfig, what is left out among them: BERT's pooler."""
    export(f"run={runs('ia3')}", f"out={tmp_path / 'plain'}")
    assert json.loads((tmp_path / "plain" / DESCRIPTION).read_text())["quantisation"] is None

    backbone, record = load_model(runs("ia3"))
    record.config["method"]["quantise"] = "nf4"
    trunk: Any = backbone.trunk
    used = quantisation(trunk.config, "nf4", backbone.matrices)
    trunk.config.quantization_config = used  # where transformers leaves it
    describe(backbone, record, "some/model", tmp_path)
    written = json.loads((tmp_path / DESCRIPTION).read_text())["quantisation"]
    assert written == {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": True,
        "bnb_4bit_compute_dtype": "float32",
        "llm_int8_skip_modules": ["pooler.dense"],
    }
    assert BitsAndBytesConfig(**written).to_dict() == used.to_dict()


@pytest.mark.parametrize(
    ("module", "change"),
    [("encoder.layer.0.output.dense", lambda x: 2 * x), ("task_head", lambda x: x + 5e-5)],
)
def test_what_does_not_fit_into_a_plain_folder_is_refused(
    module: str,
    change: Callable[[torch.Tensor], torch.Tensor],
    runs: Callable[[str], Path],
    refused: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A method that hooks into the forward pass: reading the folder again gives other logits."""
    from dnaft import export_run

    load = export_run.load_model

    def hooked(folder: Path) -> Any:
        backbone, record = load(folder)
        layer = backbone.model.get_submodule(module)
        layer.register_forward_hook(lambda module, inputs, output: change(output))
        return backbone, record

    monkeypatch.setattr(export_run, "load_model", hooked)
    out = tmp_path / "new" / "folder"
    message = refused(f"run={runs('full')}", "merge=true", f"out={out}")
    assert "exported, full gives other logits" in message
    assert "does not fit into a plain transformers folder" in message
    assert not (tmp_path / "new").exists()


def test_logits_are_compared_in_float64_and_weights_written_in_float32(
    runs: Callable[[str], Path],
    export: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen: list[torch.dtype] = []
    read = Backbone.forward

    def watched(backbone: Backbone, *given: Any) -> torch.Tensor:
        logits = read(backbone, *given)
        seen.append(logits.dtype)
        return logits

    monkeypatch.setattr(Backbone, "forward", watched)
    export(f"run={runs('adalora_rs')}", "merge=true", f"out={tmp_path / 'merged'}")
    assert seen == [torch.float64, torch.float64]
    for file in ("model", "task_head"):
        weights = load_file(tmp_path / "merged" / f"{file}.safetensors")
        assert {w.dtype for w in weights.values() if w.is_floating_point()} == {torch.float32}
    told = capsys.readouterr().out.partition("by at most ")[2].partition(", in float64")[0]
    assert 0 < float(told) < 1e-6  # in float32 the sums alone would give as much


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["merge=true"], "run: has no value; give a run folder with run=FOLDER"),
        (["run=a", "merg=true"], "merg: there is no such key; did you mean merge?"),
        (["run=a", "merge=yes"], "merge: got 'yes'; needs true or false"),
        (["run=a", "run=b"], "run: is given twice"),
        (["run=a", "out="], "out: has no value"),
        (["folder"], "folder: cannot be read as KEY=VALUE; try --help"),
    ],
)
def test_wrong_arguments(arguments: list[str], message: str, refused: Callable[..., str]) -> None:
    assert message in refused(*arguments)


def test_a_target_that_cannot_be_written(
    runs: Callable[[str], Path], refused: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    message = refused(f"run={runs('linear_probe')}", "merge=true", f"out={tmp_path}/file/x")
    assert message.startswith(f"out: cannot write to {tmp_path}/file/x")


def heavy_modules(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command by itself; its last line names the heavy modules that it imported."""
    probe = (
        "import runpy, sys\n"
        "try:\n    runpy.run_module('dnaft.export', run_name='__main__', alter_sys=True)\n"
        "finally:\n    print([n for n in ('torch', 'transformers', 'peft') if n in sys.modules])"
    )
    return subprocess.run(
        [sys.executable, "-c", probe, *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(REPOSITORY)} | dict(os.environ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("arguments", [["--help"], ["run=nowhere"]])
def test_questions_and_mistakes_load_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    done = heavy_modules(tmp_path, *arguments)
    assert done.stdout.endswith("[]\n")
    assert done.returncode == (0 if arguments == ["--help"] else 2)
    assert ("merge=true" in done.stdout) == (arguments == ["--help"])
