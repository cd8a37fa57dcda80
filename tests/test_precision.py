"""Precision by what the processor can multiply."""

from pathlib import Path

import pytest
import torch

from dnaft import precision
from dnaft.precision import choose_precision, device_type, processor_flags


@pytest.mark.parametrize(
    ("flags", "chosen"),
    [
        ("fpu sse2 avx2", "32-true"),
        ("fpu avx512f avx512bw amx_tile amx_int8", "32-true"),  # no bfloat16 among them
        ("fpu avx512f avx512_bf16", "bf16-mixed"),
        ("fpu amx_bf16 avx512_bf16 amx_tile", "bf16-mixed"),
    ],
)
def test_processors(
    flags: str, chosen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nmodel name\t: Some\nflags\t\t: {flags}\nbugs\t\t: none\n")
    found = processor_flags(cpuinfo)
    assert found == set(flags.split())
    monkeypatch.setattr(precision, "processor_flags", lambda: found)
    name, reason = choose_precision("auto", "cpu")
    assert name == chosen
    assert ("neither" in reason) == (chosen == "32-true")


def test_other_systems_and_wishes(tmp_path: Path) -> None:
    assert processor_flags(tmp_path / "missing") == frozenset()
    assert choose_precision("bf16-mixed", "cpu") == ("bf16-mixed", "as asked for")
    assert choose_precision("auto", "mps")[0] == "32-true"


def test_this_processor_is_judged_by_its_list() -> None:
    if not Path("/proc/cpuinfo").is_file() or torch.cuda.is_available():
        pytest.skip("no list of abilities here")
    text = Path("/proc/cpuinfo").read_text()
    assert device_type("auto") == "cpu"
    able = "amx_bf16" in text or "avx512_bf16" in text
    assert choose_precision("auto", "cpu")[0] == ("bf16-mixed" if able else "32-true")
