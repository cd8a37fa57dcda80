"""Where a run happens: versions, hardware, revision of the code, peak memory."""

import importlib.util
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from dnaft import __version__

PACKAGES = (
    "torch",
    "lightning",
    "torchmetrics",
    "transformers",
    "tokenizers",
    "peft",
    "hydra-core",
    "numpy",
    "scipy",
    "scikit-learn",
    "pyarrow",
)


def describe() -> dict[str, Any]:
    """Return what may change a number or a time: software, processor, memory, devices."""
    description: dict[str, Any] = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "cores_usable": usable_cores(),
        "memory_bytes": psutil.virtual_memory().total,
        "packages": {name: _version(name) for name in PACKAGES},
    }
    if importlib.util.find_spec("torch") is None:
        return description
    import torch

    description["torch_threads"] = torch.get_num_threads()
    description["cuda"] = torch.version.cuda
    description["gpus"] = [
        torch.cuda.get_device_name(i)
        for i in range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    ]
    return description


def code_version(package_dir: str | Path = Path(__file__).parent) -> str:
    """Return the version of dnaft, in a git checkout with its revision.

    `0.1.0+g1a2b3c4d5e6f`, with `.dirty` behind if a file of the package was changed or added.
    Only the package counts: the configuration stands in the record itself. A package that is
    installed inside somebody's checkout is not of that checkout; its version comes plain.

    Args:
        package_dir: Folder of the package, by default this one.
    """
    folder = Path(package_dir)
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return __version__
    revision = _git(folder, "rev-parse", "--short=12", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--", ".")
    if not revision:
        return __version__
    return f"{__version__}+g{revision}{'.dirty' if changes else ''}"


def peak_memory() -> dict[str, int | None]:
    """Return the most memory this process has held so far, in bytes.

    Returns:
        `process_bytes`: resident memory; `cuda_bytes`: memory of torch's tensors, summed over
        devices, None if no GPU was used.
    """
    torch = sys.modules.get("torch")
    cuda = None
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        devices = range(torch.cuda.device_count())
        cuda = sum(torch.cuda.max_memory_allocated(device) for device in devices)
    return {"process_bytes": _peak_resident(), "cuda_bytes": cuda}


def _peak_resident() -> int:
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    status = Path("/proc/self/status")
    if status.exists():
        # Linux's ru_maxrss starts at the size of the process that launched this one.
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        name = _run(["sysctl", "-n", "machdep.cpu.brand_string"])
        if name:
            return name
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git(folder: Path, *arguments: str) -> str | None:
    return _run(["git", "-C", str(folder), *arguments])


def _run(command: list[str]) -> str | None:
    """Return what a command prints, None if it is absent or fails."""
    # A hook's GIT_DIR would point git elsewhere; optional locks would disturb a commit in progress.
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    surroundings["GIT_OPTIONAL_LOCKS"] = "0"
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=10, env=surroundings, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
