"""The command line: `python -m dnaft.export run=FOLDER merge=true`.

Values are taken as typed, without Hydra's grammar: names of run folders hold commas and equals
signs. What loads a model is imported when there is one to load.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dnaft import arguments
from dnaft.errors import InputError
from dnaft.exit_status import run_command
from dnaft.record import RunRecord, read
from dnaft.run_folder import CARD, RESULT, has_checkpoint

USAGE = """\
python -m dnaft.export run=FOLDER [merge=true] [out=FOLDER]

Write what a finished run trained in a form that needs no dnaft.

  run=FOLDER    the run folder: it holds result.json
  merge=false   the adapter in PEFT's format, pruned triplets removed (the default)
  merge=true    a plain transformers folder, the adapter multiplied into the weights
  out=FOLDER    where to; it must not exist. Default: RUN/export/adapter or RUN/export/merged

Beside either stand the task head, task_head.safetensors, and what it is made for, task_head.json.
"""
_KEYS = ("run", "merge", "out")
_MOST_SHOWN = 5
# Below the folder of all runs: <task>/<model>/<method>/<run>.
_DEPTHS = ("*", "*/*", "*/*/*", "*/*/*/*")


@dataclass(frozen=True)
class Settings:
    """What the command line asks for.

    Attributes:
        run: Folder of a finished run.
        merge: Whether the adapter goes into the weights.
        out: Folder to write; it does not exist yet.
    """

    run: Path
    merge: bool
    out: Path


def parse(typed: Sequence[str]) -> Settings:
    """Read KEY=VALUE arguments.

    Raises:
        InputError: For an unknown key, one that is given twice, a missing or a wrong value.
    """
    given = arguments.parse(typed, _KEYS)
    if "run" not in given:
        raise InputError("run: has no value; give a run folder with run=FOLDER")
    merge = arguments.boolean(given, "merge")
    run = Path(given["run"]).expanduser()
    default = run / "export" / ("merged" if merge else "adapter")
    out = Path(given["out"]).expanduser() if "out" in given else default
    return Settings(run, merge, out)


def read_run(folder: Path) -> RunRecord:
    """Return the record of a finished run.

    Raises:
        InputError: If the folder holds none; says what it holds instead.
    """
    if not folder.exists():
        raise InputError(f"run: there is no folder {folder}; check the path")
    if not folder.is_dir():
        raise InputError(f"run: {folder} is a file; give the run folder, {folder.parent}")
    if (folder / RESULT).is_file():
        return read(folder / RESULT)
    if (folder / CARD).is_file():
        model = folder / Path(CARD).parent
        raise InputError(
            f"run: {folder} is a pretraining; {model} is a plain transformers folder already"
        )
    if has_checkpoint(folder):
        raise InputError(
            f"run: {folder} is not finished: it has checkpoints but no {RESULT}. Finish it: the "
            "command that began it, with resume=true"
        )
    below = [file.parent for depth in _DEPTHS for file in folder.glob(f"{depth}/{RESULT}")]
    if below:
        shown = ", ".join(str(run) for run in sorted(below)[:_MOST_SHOWN])
        more = f" and {len(below) - _MOST_SHOWN} more" if len(below) > _MOST_SHOWN else ""
        raise InputError(f"run: {folder} is no run folder; below it are {shown}{more}")
    raise InputError(f"run: {folder} is no run folder: it has no {RESULT}")


def check(settings: Settings) -> RunRecord:
    """Refuse what cannot be exported, before anything heavy is loaded.

    Raises:
        InputError: If the run is none, has nothing to export, or the target exists.
    """
    record = read_run(settings.run)
    if record.config["method"].get("baseline") is not None:
        raise InputError(
            f"run: {record.method} is a linear model of counts or bases, no language model; there "
            "is nothing to export"
        )
    if record.config["method"].get("probe") is not None:
        raise InputError(
            f"run: {record.method} leaves the language model as it is; there is nothing to export "
            f"beside its linear maps, {settings.run / 'layer_probes.safetensors'}"
        )
    adapter, model = settings.run / "adapter", settings.run / "model"
    if not adapter.is_dir() and not model.is_dir():
        raise InputError(f"run: {settings.run} has lost its weights: neither adapter/ nor model/")
    how = _quantisation(settings.run, record)
    if how is not None and not adapter.is_dir():
        raise InputError(
            f"run: {record.method} has no adapter, and its base model is quantised ({how}), which "
            "a plain transformers folder is not; load the run with dnaft.saved_run.load_model"
        )
    if not adapter.is_dir() and not settings.merge:
        raise InputError(
            f"run: {record.method} trains weights of the model itself and has no adapter; "
            "merge=true writes the whole model"
        )
    if settings.merge and how is not None:
        raise InputError(
            f"merge: the base model is quantised ({how}): merged into such weights the adapter "
            "would be rounded away with them. Without merge=true the adapter is written, for use "
            "with its base model"
        )
    if settings.out.exists() or settings.out.is_symlink():
        raise InputError(
            f"out: {settings.out} exists, and nothing is overwritten; give another with out=FOLDER"
        )
    return record


def _quantisation(run: Path, record: RunRecord) -> str | None:
    """Return how the run quantised the base, or its config.json if that lies at hand."""
    kind = record.config["method"].get("quantise")
    if kind is not None:
        return f"method.quantise={kind}"
    for folder in (run / "base", Path(str(record.config["model"].get("source"))).expanduser()):
        file = folder / "config.json"
        if file.is_file():
            settings = json.loads(file.read_text(encoding="utf-8")).get("quantization_config")
            return None if settings is None else str(settings.get("quant_method"))
    return None


def _export(typed: Sequence[str]) -> None:
    settings = parse(typed)
    check(settings)
    from dnaft.export_run import export

    export(settings.run, settings.merge, settings.out)


def main() -> None:
    """Run the command line; exit with status 2 and a message if the input is wrong."""
    run_command(USAGE, _export)


if __name__ == "__main__":
    main()
