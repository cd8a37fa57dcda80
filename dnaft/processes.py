"""A run, in one process or in several that train together and end together."""

import os
import socket
import sys
import tempfile
from contextlib import nullcontext
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import torch
from torch.multiprocessing.spawn import (
    ProcessExitedException,
    ProcessRaisedException,
    start_processes,
)

from dnaft.environment import usable_cores
from dnaft.errors import InputError
from dnaft.exit_status import EXIT_BAD_INPUT
from dnaft.output import set_up_output
from dnaft.run import run
from dnaft.strategy import become_process, check_sharding, count_processes
from dnaft.sweeps.run_output import LOG, output_to

_GRACE_SECONDS = 10.0  # for the others to end by themselves, once a process has


def run_in_processes(config: dict[str, Any], folder: Path, choices: dict[str, str]) -> None:
    """Carry out the run that `config` describes, in as many processes as its trainer wants.

    The first process writes to `folder` and to the terminal. If one ends in an error or is killed,
    the others are ended too.

    Args:
        config: The resolved configuration, plain values.
        folder: The run folder; it exists.
        choices: The name chosen in each configuration group.

    Raises:
        InputError: If the configuration or a file it names is wrong, or a process was killed.
    """
    set_up_output()
    trains = config["method"]["baseline"] is None and config["method"]["probe"] is None
    count = count_processes(config["trainer"]) if trains else 1
    if count == 1:
        run(config, folder, choices)
        return
    check_sharding(config)
    # Only read when torch is loaded: DDP warns of a search that costs next to nothing.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    with tempfile.TemporaryDirectory() as notes:
        what = config, folder, choices, count, _free_port(), Path(notes), _goes_to_log(folder)
        started = start_processes(_work, what, nprocs=count, join=False, start_method="spawn")
        try:
            while not started.join(grace_period=_GRACE_SECONDS):
                pass
        except (ProcessExitedException, ProcessRaisedException) as error:
            raise _explain(error, Path(notes), count) from error
        finally:
            for process in started.processes:
                if process.is_alive():  # after an interrupt
                    process.kill()
                process.join()


def _work(
    rank: int,
    config: dict[str, Any],
    folder: Path,
    choices: dict[str, str],
    count: int,
    port: int,
    notes: Path,
    to_log: bool,
) -> None:
    """Be one of the processes: what the user got wrong goes into a note."""
    parent = parent_process()
    if parent is not None and not parent.is_alive():  # killed while this process started
        return
    become_process(rank, count, port)
    if rank > 0:
        _fall_silent()
        # Nobody would see the second look, and its model takes memory.
        config = {**config, "eval": {**config["eval"], "mlm": False}}
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, usable_cores() // count))
    try:
        with output_to(folder) if to_log and rank == 0 else nullcontext():
            run(config, folder, choices)
    except InputError as error:
        (notes / f"{rank}.txt").write_text(str(error), encoding="utf-8")
        sys.exit(EXIT_BAD_INPUT)


def _fall_silent() -> None:
    """Send what this process prints nowhere; exceptions reach the first one by a file."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    for number in (1, 2):
        os.dup2(nowhere, number)


def _explain(
    error: ProcessExitedException | ProcessRaisedException, notes: Path, count: int
) -> Exception:
    """Return what to tell the user; a cause comes before what it led to in other processes."""
    found = {int(file.stem): file.read_text(encoding="utf-8") for file in notes.iterdir()}
    if len(set(found.values())) == 1:
        return InputError(next(iter(found.values())))
    if found:
        each = [f"process {rank + 1} of {count}: {found[rank]}" for rank in sorted(found)]
        return InputError("\n".join(each))
    which = f"process {error.error_index + 1} of {count}"
    if isinstance(error, ProcessExitedException):
        how = f"was killed ({error.signal_name})" if error.signal_name else "broke off"
        return InputError(
            f"{which} {how}, perhaps for want of memory, and the others were ended; the same "
            "command with resume=true goes on from the last checkpoint, if there is one"
        )
    return RuntimeError(f"{which} failed:{error}")


def _goes_to_log(folder: Path) -> bool:
    """Whether this process prints into the log of the run, as runs of a sweep do."""
    try:
        return os.path.samestat(os.fstat(sys.stdout.fileno()), (folder / LOG).stat())
    except (OSError, ValueError):
        return False


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
