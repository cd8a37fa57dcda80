"""The command line: `python -m dnaft.train method=adalora_rs task=prom_tata`.

Only Hydra is imported here, so that `--help`, `--cfg job` and a mistyped override answer at once;
what trains is imported when there is something to train.
"""

import os
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
from dnaft.explain import explain
from dnaft.run_folder import RunFolders, run_name
from dnaft.settings import check_choices, check_settings

EXIT_BUG = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

_FULL_ERROR = "HYDRA_FULL_ERROR"

_folders = RunFolders()
_failures: list[Exception] = []


def _run_dir(output_dir: str, task: str, model: str, method: str, seed: int, resume: bool) -> str:
    """Return the run folder, for `hydra.run.dir`."""
    # As typed: an interpolation among them belongs to another place of the configuration.
    overrides: Any = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
    root = Path(output_dir).expanduser()
    return str(_folders.claim(root / task / model / method / run_name(seed, overrides), resume))


def _run_subdir(output_dir: str, *arguments: Any) -> str:
    """Return the run folder below `output_dir`, for `hydra.sweep.subdir`."""
    return os.path.relpath(_run_dir(output_dir, *arguments), _sweep_dir(output_dir))


def _sweep_dir(output_dir: str) -> str:
    """Return the folder of all runs, for `hydra.sweep.dir`."""
    folder = Path(output_dir).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"output_dir: cannot write to {folder} ({error.strerror}); "
            "choose another folder with output_dir=FOLDER"
        ) from error
    return str(folder)


@hydra.main(version_base="1.3", config_path=config_dir(), config_name="train")
def _job(config: DictConfig) -> None:
    # Raised here, an exception would get a line of Hydra's in front; `main` reports it instead.
    # In a sweep the other jobs go on.
    try:
        _run(config)
    except Exception as error:
        _failures.append(error)
    finally:
        _folders.release()


def _run(config: DictConfig) -> None:
    settings = HydraConfig.get()
    choices = {group: str(choice) for group, choice in settings.runtime.choices.items()}
    check_choices(choices)
    plain: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    check_settings(plain)
    from dnaft.run import run

    run(plain, Path(settings.runtime.output_dir), choices)


def _compose_and_run() -> None:
    """Let Hydra read the command line and run each job; collect what goes wrong."""
    before = os.environ.get(_FULL_ERROR)
    os.environ[_FULL_ERROR] = "1"  # Hydra then raises what it would print and exit 1 for
    try:
        _job()
    except (InputError, HydraException, OmegaConfBaseException, ValueError) as error:
        # Of the command line: exceptions of a job do not come this way.
        text = explain(error)
        if "Config group override must be" in text:  # Hydra does not say which
            null = [argument for argument in sys.argv[1:] if argument.endswith("=null")]
            text = f"{' '.join(null)}: no choice; choose a file, for example callbacks=none"
        _failures.append(InputError(text).with_traceback(error.__traceback__))
    finally:
        _folders.release()
        if before is None:
            del os.environ[_FULL_ERROR]
        else:
            os.environ[_FULL_ERROR] = before


def main() -> None:
    """Run the command line; exit with status 2 and a message if the input is wrong."""
    traceback_wanted = os.environ.get(_FULL_ERROR) == "1"
    register_schema()
    for name, resolver in (
        ("run_dir", _run_dir),
        ("run_subdir", _run_subdir),
        ("sweep_dir", _sweep_dir),
    ):
        OmegaConf.register_new_resolver(name, resolver, replace=True)
    _failures.clear()
    try:
        _compose_and_run()
    except (KeyboardInterrupt, SystemExit) as stop:
        # Lightning turns an interrupt into an exit.
        if not isinstance(stop.__context__ or stop, KeyboardInterrupt):
            raise
        print(
            "interrupted; the same command with resume=true goes on from the last checkpoint, "
            "if there is one",
            file=sys.stderr,
        )
        sys.exit(EXIT_INTERRUPTED)
    if not _failures:
        return
    for error in _failures:
        if traceback_wanted or not _is_input(error):
            if len(_failures) == 1:
                raise error
            sys.excepthook(type(error), error, error.__traceback__)
        else:
            print(f"error: {explain(error)}", file=sys.stderr)
    sys.exit(EXIT_BAD_INPUT if all(map(_is_input, _failures)) else EXIT_BUG)


def _is_input(error: Exception) -> bool:
    return isinstance(error, InputError | OmegaConfBaseException)


if __name__ == "__main__":
    main()
