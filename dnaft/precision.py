"""In which precision a processor computes fastest."""

from pathlib import Path

_FLAGS = ("amx_bf16", "avx512_bf16")


def choose_precision(wanted: str, device: str) -> tuple[str, str]:
    """Return Lightning's name of a precision, and why it was chosen.

    bfloat16 under autocast where the hardware multiplies it: on GPUs and on processors with AMX
    or AVX512-BF16 matrix products are faster in it than in float32; a processor without emulates
    it and is several times slower.

    Args:
        wanted: A precision, or "auto".
        device: Where the model runs: "cpu", "cuda", ...
    """
    if wanted != "auto":
        return wanted, "as asked for"
    if device == "cuda":
        import torch

        if torch.cuda.is_bf16_supported(including_emulation=False):
            return "bf16-mixed", "the GPU multiplies bfloat16"
        return "32-true", "the GPU does not multiply bfloat16"
    if device != "cpu":
        return "32-true", f"bfloat16 is not tried on {device}"
    found = [flag for flag in _FLAGS if flag in processor_flags()]
    if found:
        return "bf16-mixed", f"the processor has {' and '.join(found)}"
    return "32-true", f"the processor has neither {' nor '.join(_FLAGS)}"


def device_type(accelerator: object) -> str:
    """Return where Lightning trains: "cuda", or "cpu", which stands for all others.

    Args:
        accelerator: `trainer.accelerator`, a name or an object of Lightning's.
    """
    import torch

    wanted = accelerator in ("auto", "gpu", "cuda")
    return "cuda" if wanted and torch.cuda.is_available() else "cpu"


def processor_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Return the abilities that Linux lists for the processor; none on other systems."""
    if not cpuinfo.is_file():
        return frozenset()
    for line in cpuinfo.read_text(errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            return frozenset(value.split())
    return frozenset()
