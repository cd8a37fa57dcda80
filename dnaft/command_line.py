"""What the command lines share: Hydra composes, jobs claim folders, errors are explained.

Only Hydra is imported here, so that `--cfg job` and a mistyped override answer at once;
what works is imported when there is something to do.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dnaft.config import config_dir, register_schema
from dnaft.errors import InputError
from dnaft.exit_status import EXIT_BAD_INPUT, EXIT_BUG, EXIT_INTERRUPTED, FULL_ERROR
from dnaft.explain import explain
from dnaft.job import Job
from dnaft.run_folder import run_name
from dnaft.sweeps.dry_run import is_wanted
from dnaft.sweeps.plan import Rehearse
from dnaft.sweeps.report import report_sweep
from dnaft.sweeps.task import SweepTask

_OUR_PLUGINS = "hydra_plugins.dnaft_sweeps."


class CommandLine:
    """A command: `CommandLine("train", job)()` reads sys.argv and runs each job it asks for.

    Args:
        config_name: File of conf/ that describes the whole of a job. Its `hydra.run.dir` and
            `hydra.sweep` name the run folder by the resolvers `run_dir`, `run_subdir` and
            `sweep_dir`.
        job: Carries out one job.
        rehearse: Tries out one job, for `dry_run`; None if there is no such thing.
    """

    def __init__(self, config_name: str, job: Job, rehearse: Rehearse | None = None) -> None:
        self._config_name = config_name
        self._job = job
        self._rehearse = rehearse
        self._task = SweepTask(job, rehearse=rehearse)
        self._elsewhere = ""  # for the files of Hydra that are not wanted

    def __call__(self) -> None:
        """Run the command line; exit with status 2 and a message if the input is wrong."""
        traceback_wanted = os.environ.get(FULL_ERROR) == "1"
        register_schema()
        for name, resolver in (
            ("run_dir", self._run_dir),
            ("run_subdir", _run_subdir),
            ("sweep_dir", self._sweep_dir),
            ("run_mode", lambda dry_run: "MULTIRUN" if is_wanted(dry_run) else None),
        ):
            OmegaConf.register_new_resolver(name, resolver, replace=True)
        self._task = SweepTask(self._job, rehearse=self._rehearse)
        try:
            with tempfile.TemporaryDirectory(prefix="dnaft_") as elsewhere:
                self._elsewhere = elsewhere
                self._compose_and_run()
        except (KeyboardInterrupt, SystemExit) as stop:
            # Lightning turns an interrupt into an exit.
            if not isinstance(stop.__context__ or stop, KeyboardInterrupt):
                raise
            print(
                "interrupted; the same command goes on where it stopped"
                if self._task.sweep.entries
                else "interrupted; the same command with resume=true goes on from the last "
                "checkpoint, if there is one",
                file=sys.stderr,
            )
            sys.exit(EXIT_INTERRUPTED)
        self._report(traceback_wanted)

    def _report(self, traceback_wanted: bool) -> None:
        failed = report_sweep(self._task.sweep, traceback_wanted)
        for error in self._task.failures:  # of a single run, or of the command line
            if traceback_wanted or not isinstance(error, InputError | OmegaConfBaseException):
                raise error
            print(f"error: {explain(error)}", file=sys.stderr)
            sys.exit(EXIT_BAD_INPUT)
        if self._task.plan.runs:
            print(f"\n{self._task.plan.text()}")
            if self._task.plan.lacks:
                sys.exit(EXIT_BAD_INPUT)
        if failed:
            sys.exit(EXIT_BAD_INPUT if all(o.wrong_input for o in failed) else EXIT_BUG)

    def _run_dir(self, output_dir: str, *arguments: Any) -> str:
        """Return the run folder, for `hydra.run.dir`: names of its parents, seed, resume."""
        base = _base(output_dir, *arguments)
        return str(self._task.folders.claim(base, resume=arguments[-1]))

    def _sweep_dir(self, output_dir: str, dry_run: object = False) -> str:
        """Return the folder of all runs, for `hydra.sweep.dir`; a dry run writes nothing there."""
        if is_wanted(dry_run):
            return self._elsewhere
        folder = Path(output_dir).expanduser()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"output_dir: cannot write to {folder} ({error.strerror}); "
                "choose another folder with output_dir=FOLDER"
            ) from error
        return str(folder)

    def _compose_and_run(self) -> None:
        """Let Hydra read the command line and run each job; collect what goes wrong."""
        before = os.environ.get(FULL_ERROR)
        os.environ[FULL_ERROR] = "1"  # Hydra then raises what it would print and exit 1 for
        try:
            hydra.main(version_base="1.3", config_path=config_dir(), config_name=self._config_name)(
                self._task
            )()
        except (InputError, HydraException, OmegaConfBaseException, ValueError) as error:
            # Of the command line: exceptions of a job do not come this way.
            text = explain(error)
            if "Config group override must be" in text:  # Hydra does not say which
                null = [argument for argument in sys.argv[1:] if argument.endswith("=null")]
                text = f"{' '.join(null)}: no choice; choose a file, for example callbacks=none"
            self._task.failures.append(InputError(text).with_traceback(error.__traceback__))
        finally:
            self._task.folders.release()
            if before is None:
                del os.environ[FULL_ERROR]
            else:
                os.environ[FULL_ERROR] = before


def _base(output_dir: str, *arguments: Any) -> Path:
    """Return the folder of the first run of a name."""
    *parents, seed, _ = arguments
    # As typed: an interpolation among them belongs to another place of the configuration.
    overrides: Any = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
    return Path(output_dir).expanduser().joinpath(*parents, run_name(seed, overrides))


def _run_subdir(output_dir: str, *arguments: Any) -> str:
    """Return the folder of a run of a sweep below `output_dir`, for `hydra.sweep.subdir`."""
    launcher = str(HydraConfig.get().launcher.get("_target_"))
    if not launcher.startswith(_OUR_PLUGINS):
        raise InputError(
            f"hydra/launcher: {launcher} knows nothing of run folders; choose sequential, joblib, "
            "submitit or ray"
        )
    return os.path.relpath(_base(output_dir, *arguments), Path(output_dir).expanduser())
