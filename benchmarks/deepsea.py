"""DeepSEA's size through `dnaft.data prepare` and one epoch of the loader: speed and peak memory.

    python benchmarks/deepsea.py [--rows N] [--folder FOLDER] [--batch N] [--workers N]

Writes random rows in the layout of the published files (train.mat of N rows as MATLAB 7.3, gzip,
both strands of each window; valid.mat and test.mat of up to 8,000 and 45,000 rows), makes the
store, reads one epoch of 6-mers of all training rows, and reads rows of train.mat with h5py, one by
one, in the order of the file and at random; what h5py reads is not yet tokens. Each step is a
process of its own; its memory is the most it held less what it held after its imports. Needs h5py.
4.4 million rows take 4 GB of disk for the files, 1.6 GB for the store, and minutes to write.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

LENGTH_BP, LABELS = 1000, 919
BLOCK = 5_000  # rows generated at a time
CHUNK = 64  # rows of a chunk of train.mat
PROBED = 300  # rows that h5py reads one by one


def blocks(rows: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield one-hot (positions, 4, rows) in the order A, G, C, T, and labels (919, rows).

    The second half has the reverse complements of the first; one base in 2,000 is unknown.
    """
    for turned in (False, True):
        for first in range(0, rows // 2, BLOCK):
            count = min(BLOCK, rows // 2 - first)
            random = np.random.default_rng((seed, first))
            bases = random.integers(0, 4, (LENGTH_BP, count), np.uint8)
            bases[random.random(bases.shape, np.float32) < 1 / 2000] = 4
            labels = (random.random((LABELS, count), np.float32) < 0.02).astype(np.uint8)
            if turned:  # A 0 and T 3, G 1 and C 2 change places
                bases = np.where(bases < 4, 3 - bases, 4)[::-1]
            yield (bases[:, None] == np.arange(4)[:, None]).astype(np.uint8), labels


def write_train(path: Path, rows: int) -> None:
    """Write MATLAB 7.3: a user block, then HDF5 with the axes in reverse order."""
    import h5py

    with h5py.File(path, "w", userblock_size=512) as file:
        settings = {"dtype": np.uint8, "compression": "gzip", "compression_opts": 1}
        shape = (LENGTH_BP, 4, rows)
        x = file.create_dataset("trainxdata", shape, chunks=(*shape[:2], CHUNK), **settings)
        y = file.create_dataset("traindata", (LABELS, rows), chunks=(LABELS, CHUNK), **settings)
        at = 0
        for hot, labels in blocks(rows, 1):
            x[:, :, at : at + hot.shape[2]] = hot
            y[:, at : at + hot.shape[2]] = labels
            at += hot.shape[2]
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


def generate(folder: Path, rows: int) -> dict[str, Any]:
    """Write the three files."""
    from scipy import io

    write_train(folder / "train.mat", rows)
    for seed, (name, most) in enumerate((("valid", 8_000), ("test", 45_000)), start=2):
        parts = list(blocks(max(2, min(rows // 10, most) // 2 * 2), seed))
        hot = np.concatenate([hot for hot, _ in parts], axis=2).transpose(2, 1, 0)
        labels = np.concatenate([labels for _, labels in parts], axis=1).T
        arrays = {f"{name}xdata": hot, f"{name}data": labels}
        io.savemat(folder / f"{name}.mat", arrays, do_compression=True)
    return {}


def prepare(folder: Path) -> Callable[[], dict[str, Any]]:
    """Import what preparing needs; return the preparing."""
    import h5py  # noqa: F401 - its memory is that of an import

    from dnaft.data_tools.deepsea import Settings
    from dnaft.data_tools.deepsea import prepare as run

    def work() -> dict[str, Any]:
        run(Settings(folder, folder / "deepsea"))
        sizes = [file.stat().st_size for file in (folder / "deepsea").iterdir()]
        return {"bytes": sum(sizes)}

    return work


def epoch(folder: Path, batch: int, workers: int) -> Callable[[], dict[str, Any]]:
    """Import what training reads with; return an epoch."""
    from dnaft.data.datamodule import SequenceDataModule
    from dnaft.data.store_source import StoreSource
    from dnaft.data.task import Task
    from dnaft.tokenizers.kmer import KmerTokenizer

    def work() -> dict[str, Any]:
        source = StoreSource("deepsea", "deepsea", (815, 919))
        task = Task("deepsea_histone", "multilabel", source, outputs=104, length_bp=LENGTH_BP)
        data = SequenceDataModule(
            task,
            KmerTokenizer(k=6),
            data_dir=str(folder),
            cache_dir=str(folder / "cache"),
            batch_size=batch,
            num_workers=workers,
        )
        begin = time.perf_counter()
        data.setup()
        counted = time.perf_counter()
        rows = sum(len(found.labels) for found in data.train_dataloader())
        return {
            "rows": rows,
            "counting_seconds": counted - begin,
            "epoch_seconds": time.perf_counter() - counted,
        }

    return work


def row_by_row(folder: Path) -> Callable[[], dict[str, Any]]:
    """Import h5py; return the reading of some rows."""
    import h5py

    def work() -> dict[str, Any]:
        found = {}
        with h5py.File(folder / "train.mat", "r") as file:
            x, y = file["trainxdata"], file["traindata"]
            count = min(PROBED, x.shape[2])
            drawn = np.random.default_rng(0).permutation(x.shape[2])[:count]
            for name, rows in (("in_order", range(count)), ("at_random", drawn.tolist())):
                begin = time.perf_counter()
                for row in rows:
                    _ = x[:, :, row], y[:, row]
                found[f"{name}_rows_per_second"] = count / (time.perf_counter() - begin)
        return found

    return work


def one_step(step: str, options: argparse.Namespace) -> None:
    """Run a step in this process and print what it took as JSON."""
    from dnaft.environment import peak_memory

    folder = Path(options.folder)
    if step == "generate":
        print(json.dumps(generate(folder, options.rows)))
        return
    work = {
        "prepare": lambda: prepare(folder),
        "epoch": lambda: epoch(folder, options.batch, options.workers),
        "row_by_row": lambda: row_by_row(folder),
    }[step]()
    after_imports = peak_memory()["process_bytes"] or 0
    begin = time.perf_counter()
    found = work()
    found["seconds"] = time.perf_counter() - begin
    found["mebibytes"] = ((peak_memory()["process_bytes"] or 0) - after_imports) / (1 << 20)
    print(json.dumps(found))


def call(step: str, options: argparse.Namespace, folder: str) -> dict[str, Any]:
    """Run a step in a process of its own and return what it printed last."""
    numbers = [f"--{name}={getattr(options, name)}" for name in ("rows", "batch", "workers")]
    command = [sys.executable, __file__, f"--step={step}", f"--folder={folder}", *numbers]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Run all steps and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=4_400_000, help="training rows, an even number")
    parser.add_argument("--folder", help="where to write; by default a folder that is removed")
    parser.add_argument("--batch", type=int, default=64, help="rows a batch (default 64)")
    parser.add_argument("--workers", type=int, default=0, help="processes of the loader")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rows < 4 or options.rows % 2:
        parser.error("--rows must be an even number, 4 or more")
    if options.step:
        one_step(options.step, options)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or scratch
        steps = ("generate", "prepare", "epoch", "row_by_row")
        found = {step: call(step, options, folder) for step in steps}
    prepared, read, rows = found["prepare"], found["epoch"], found["row_by_row"]
    speed = read["rows"] / read["epoch_seconds"]
    print(f"{options.rows:,} training rows of {LENGTH_BP} bp, {LABELS} labels")
    print(f"prepare        {options.rows / prepared['seconds']:10,.0f} rows/s", end="")
    print(f"  peak {prepared['mebibytes']:6,.0f} MiB  store {prepared['bytes']:,} bytes")
    print(f"count tokens   {read['rows'] / read['counting_seconds']:10,.0f} rows/s, once")
    print(f"one epoch      {speed:10,.0f} rows/s  peak {read['mebibytes']:6,.0f} MiB, both steps")
    for order in ("in_order", "at_random"):
        other = rows[f"{order}_rows_per_second"]
        print(
            f"h5py {order:9} {other:10,.0f} rows/s  the loader is {speed / other:.1f} times as fast"
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
