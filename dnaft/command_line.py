"""What the command lines share: Hydra composes, jobs claim folders, errors are explained.

Only Hydra is imported here, so that `--help`, `--cfg job` and a mistyped override answer at once;
what works is imported when there is something to do.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dnaft.config import config_dir, register_schema
from dnaft.errors import InputError
from dnaft.exit_status import EXIT_BAD_INPUT, EXIT_BUG, EXIT_INTERRUPTED, FULL_ERROR
from dnaft.explain import explain
from dnaft.run_folder import RunFolders, run_name
from dnaft.settings import check_choices

# What a command does: configuration in plain values, run folder, the choice in each group.
Job = Callable[[dict[str, Any], Path, dict[str, str]], object]


class CommandLine:
    """A command: `CommandLine("train", job)()` reads sys.argv and runs each job it asks for.

    Args:
        config_name: File of conf/ that describes the whole of a job. Its `hydra.run.dir` and
            `hydra.sweep` name the run folder by the resolvers `run_dir`, `run_subdir` and
            `sweep_dir`.
        job: Carries out one job.
    """

    def __init__(self, config_name: str, job: Job) -> None:
        self._job = job
        self._config_name = config_name
        self._folders = RunFolders()
        self._failures: list[Exception] = []

    def __call__(self) -> None:
        """Run the command line; exit with status 2 and a message if the input is wrong."""
        traceback_wanted = os.environ.get(FULL_ERROR) == "1"
        register_schema()
        for name, resolver in (
            ("run_dir", self._run_dir),
            ("run_subdir", self._run_subdir),
            ("sweep_dir", _sweep_dir),
        ):
            OmegaConf.register_new_resolver(name, resolver, replace=True)
        self._failures.clear()
        try:
            self._compose_and_run()
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
        self._report(traceback_wanted)

    def _report(self, traceback_wanted: bool) -> None:
        if not self._failures:
            return
        for error in self._failures:
            if traceback_wanted or not _is_input(error):
                if len(self._failures) == 1:
                    raise error
                sys.excepthook(type(error), error, error.__traceback__)
            else:
                print(f"error: {explain(error)}", file=sys.stderr)
        sys.exit(EXIT_BAD_INPUT if all(map(_is_input, self._failures)) else EXIT_BUG)

    def _run_dir(self, output_dir: str, *arguments: Any) -> str:
        """Return the run folder, for `hydra.run.dir`: names of its parents, seed, resume."""
        *parents, seed, resume = arguments
        # As typed: an interpolation among them belongs to another place of the configuration.
        overrides: Any = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
        folder = Path(output_dir).expanduser().joinpath(*parents)
        return str(self._folders.claim(folder / run_name(seed, overrides), resume))

    def _run_subdir(self, output_dir: str, *arguments: Any) -> str:
        """Return the run folder below `output_dir`, for `hydra.sweep.subdir`."""
        return os.path.relpath(self._run_dir(output_dir, *arguments), _sweep_dir(output_dir))

    def _run_one(self, config: DictConfig) -> None:
        # Raised here, an exception would get a line of Hydra's in front; `_report` reports it
        # instead. In a sweep the other jobs go on.
        try:
            settings = HydraConfig.get()
            choices = {group: str(choice) for group, choice in settings.runtime.choices.items()}
            check_choices(choices)
            plain: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
            self._job(plain, Path(settings.runtime.output_dir), choices)
        except Exception as error:
            self._failures.append(error)
        finally:
            self._folders.release()

    def _compose_and_run(self) -> None:
        """Let Hydra read the command line and run each job; collect what goes wrong."""

        def run_one(config: DictConfig) -> None:
            self._run_one(config)

        before = os.environ.get(FULL_ERROR)
        os.environ[FULL_ERROR] = "1"  # Hydra then raises what it would print and exit 1 for
        try:
            hydra.main(version_base="1.3", config_path=config_dir(), config_name=self._config_name)(
                run_one
            )()
        except (InputError, HydraException, OmegaConfBaseException, ValueError) as error:
            # Of the command line: exceptions of a job do not come this way.
            text = explain(error)
            if "Config group override must be" in text:  # Hydra does not say which
                null = [argument for argument in sys.argv[1:] if argument.endswith("=null")]
                text = f"{' '.join(null)}: no choice; choose a file, for example callbacks=none"
            self._failures.append(InputError(text).with_traceback(error.__traceback__))
        finally:
            self._folders.release()
            if before is None:
                del os.environ[FULL_ERROR]
            else:
                os.environ[FULL_ERROR] = before


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


def _is_input(error: Exception) -> bool:
    return isinstance(error, InputError | OmegaConfBaseException)
