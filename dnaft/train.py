"""The command line: `python -m dnaft.train method=adalora_rs task=prom_tata`.

Only Hydra is imported here, so that `--help`, `--cfg job` and a mistyped override answer at once;
what trains is imported when there is something to train.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dnaft.config import config_dir, register_schema
from dnaft.errors import InputError
from dnaft.run_folder import choose_folder, has_checkpoint, is_finished, run_name

EXIT_BAD_INPUT = 2


def _run_dir(
    output_dir: str, task: str, model: str, method: str, seed: int, resume: bool, overrides: Any
) -> str:
    """Return the run folder, for `hydra.run.dir`."""
    base = Path(output_dir).expanduser() / task / model / method / run_name(seed, list(overrides))
    probe = base
    while not probe.exists() and probe != probe.parent:
        probe = probe.parent
    if not probe.is_dir() or not os.access(probe, os.W_OK):
        raise InputError(
            f"output_dir: cannot write to {probe}; choose another folder with output_dir=FOLDER"
        )
    return str(choose_folder(base, resume))


def _run_subdir(output_dir: str, *arguments: Any) -> str:
    """Return the run folder below `output_dir`, for `hydra.sweep.subdir`."""
    return os.path.relpath(_run_dir(output_dir, *arguments), Path(output_dir).expanduser())


@hydra.main(version_base="1.3", config_path=config_dir(), config_name="train")
def _job(config: DictConfig) -> None:
    folder = Path(HydraConfig.get().runtime.output_dir)
    plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    try:
        from dnaft.run import run

        run(plain, folder, {k: str(v) for k, v in HydraConfig.get().runtime.choices.items()})
    except BaseException:
        # A folder in which nothing was computed must not look like a run.
        if not is_finished(folder) and not has_checkpoint(folder):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _message(error: BaseException) -> str:
    """Return what a user needs of an exception of Hydra: its text and its causes', or our own."""
    texts: list[str] = []
    current: BaseException | None = error
    while current is not None:
        if isinstance(current, InputError):
            return str(current)
        if str(current) and str(current) not in texts:
            texts.append(str(current))
        current = current.__cause__
    return "\n".join(texts) or type(error).__name__


def main() -> None:
    """Run the command line; exit with status 2 and a message if the input is wrong."""
    traceback_wanted = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises what it would print and exit 1 for
    register_schema()
    OmegaConf.register_new_resolver("run_dir", _run_dir, replace=True)
    OmegaConf.register_new_resolver("run_subdir", _run_subdir, replace=True)
    try:
        _job()
    except (InputError, HydraException, OmegaConfBaseException) as error:
        if traceback_wanted:
            raise
        print(f"error: {_message(error)}", file=sys.stderr)
        sys.exit(EXIT_BAD_INPUT)


if __name__ == "__main__":
    main()
