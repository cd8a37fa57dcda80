"""docs/benchmarks.md: each benchmark in turn, what it prints put into the page.

    python benchmarks/bench.py [--only NAME ...] [--only-report]

What a benchmark prints is kept in outputs/bench, so this can be stopped and started; --only
measures single ones again. Close other programs first: two sides in turn share what disturbs them,
and spread shows what they do not share. All compute on one thread.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from runs import ROOT
from study import DOCS, fill

from dnaft.environment import describe
from dnaft.precision import choose_precision, device_type

KEPT = ROOT / "outputs" / "bench"
_OPT = "--hidden 768 --layers 12 --steps 3 --repeats 3"
# Each name stands in bench.md.in for the table that its command prints.
COMMANDS = {
    "hf_float32": "hf_trainer.py --memory",
    "hf_defaults": "hf_trainer.py --methods lora,adalora_rs --defaults",
    "hf_bf16": "hf_trainer.py --methods lora,adalora_rs --bf16",
    "hf_opt_float32": f"hf_trainer.py --methods lora,adalora_rs,dora {_OPT} --memory",
    "hf_opt_defaults": f"hf_trainer.py --methods lora,adalora_rs {_OPT} --defaults",
    "hf_opt_bf16": f"hf_trainer.py --methods lora,adalora_rs {_OPT} --bf16",
    "frozen": "frozen_cache.py --repeats 3",
    "tokenizers": "kmer_tokenizers.py",
    "allocation": "rank_allocation.py --steps 10",
    "startup": "startup.py",
    "together": "together.py --cpu-time --repeats 3",
    "fused": "fused_adapters.py --models yeast_mini --batch 32 --tokens 302 --repeats 5",
    "dropout": "dropout.py --repeats 5",
    "backbones": "backbones.py --batch 4 --tokens 128 --repeats 3 "
    "--models nucleotide_unet,hyenadna_tiny_1k,dnabert2,nt_v2_50m,moderngena_base",
}


def measure(name: str) -> None:
    """Run a benchmark and keep what it prints."""
    command = [sys.executable, *f"benchmarks/{COMMANDS[name]}".split()]
    print(f"{name}: benchmarks/{COMMANDS[name]}", flush=True)
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{name}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{name}.md").write_text(done.stdout, encoding="utf-8")


def printed(name: str) -> str:
    """Return the table that a benchmark printed, with its command and what it says below."""
    file = KEPT / f"{name}.md"
    if not file.is_file():
        raise SystemExit(f"{name} was not measured: python benchmarks/bench.py --only {name}")
    text = file.read_text(encoding="utf-8").strip()
    # Between tables and sentences there is an empty line.
    text = re.sub(r"\|\n(?=[^|\n])", "|\n\n", re.sub(r"(?<=[^|\n])\n\|", "\n\n|", text))
    return f"    OMP_NUM_THREADS=1 python benchmarks/{COMMANDS[name]}\n\n{text}"


def machine() -> str:
    """Return processor, precision and versions in a sentence."""
    found = describe()
    packages = found["packages"]
    named = ("torch", "transformers", "peft", "lightning")
    versions = ", ".join(f"{name} {packages[name]}" for name in named)
    precision, reason = choose_precision("auto", device_type("auto"))
    return (
        f"{found['cpu']}, {found['cores_usable']} cores, Python {found['python']}, {versions}. "
        f"`trainer.precision=auto` is `{precision}` here: {reason}."
    )


def main() -> None:
    """Measure what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=COMMANDS, metavar="NAME", default=[])
    parser.add_argument("--only-report", action="store_true", help="from what is kept alone")
    options = parser.parse_args()
    missing = [name for name in COMMANDS if not (KEPT / f"{name}.md").is_file()]
    for name in options.only or ([] if options.only_report else missing):
        measure(name)
    values = {name: printed(name) for name in COMMANDS}
    fill("bench", values | {"machine": machine()}, Path(DOCS, "benchmarks.md"))


if __name__ == "__main__":
    main()
