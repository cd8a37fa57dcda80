"""Read the file of an offline W&B run: LevelDB's log format around protocol buffers.

W&B writes it in a process of its own, which goes on after `finish()` has returned: a reader has to
wait for the record that ends the run. Until then the file may stop anywhere, even inside a record.
"""

import json
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2

_BLOCK = 32 * 1024
_FILE_HEADER = b":W&B\xe1\xbe\x00"  # name, magic number, version; the first block begins with it
_CHUNK_HEADER = struct.Struct("<IHB")  # checksum of kind and content, length, kind
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_FOLLOWS = {_FULL: (_FULL, _FIRST), _LAST: (_FULL, _FIRST), _FIRST: (_MIDDLE, _LAST)}
_FOLLOWS[_MIDDLE] = _FOLLOWS[_FIRST]
_SECONDS = 60.0


@dataclass
class OfflineRun:
    """What an offline run says; values are decoded from JSON, nested keys joined by `/`."""

    folder: Path
    id: str = ""
    name: str = ""
    project: str = ""
    group: str = ""
    job_type: str = ""
    sweep: str = ""
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    charts: dict[str, dict[str, Any]] = field(default_factory=dict)
    exit_code: int = -1

    def table(self, key: str) -> tuple[list[str], list[list[Any]]]:
        """Return columns and rows of a table, or of the one below a chart."""
        content = json.loads((self.folder / "files" / self.summary[f"{key}/path"]).read_text())
        assert len(content["data"]) == self.summary[f"{key}/nrows"]
        return content["columns"], content["data"]

    def curve(self, key: str) -> list[tuple[int, float]]:
        """Return step and value of each time that a key was logged."""
        return [(int(r["trainer/global_step"]), r[key]) for r in self.history if key in r]


def records(content: bytes) -> Iterator[bytes]:
    """Yield the records of a file, as far as it is written.

    Raises:
        ValueError: If what is written is not what W&B writes; says where.
    """
    if not content.startswith(_FILE_HEADER):
        raise ValueError(f"the file begins with {content[:7]!r}")
    place, parts, before = len(_FILE_HEADER), b"", _FULL
    while place < len(content):
        left = _BLOCK - place % _BLOCK
        if left < _CHUNK_HEADER.size:  # too short for a header: filled up with zeros
            if any(content[place : place + left]):
                raise ValueError(f"byte {place}: the end of a block is not empty")
            place += left
            continue
        if place + _CHUNK_HEADER.size > len(content):
            return
        checksum, length, kind = _CHUNK_HEADER.unpack_from(content, place)
        if kind not in _FOLLOWS[before] or length > left - _CHUNK_HEADER.size:
            raise ValueError(f"byte {place}: a part of kind {kind} with {length} bytes")
        place += _CHUNK_HEADER.size
        part = content[place : place + length]
        if len(part) < length:
            return
        if zlib.crc32(bytes([kind]) + part) != checksum:
            raise ValueError(f"byte {place}: the checksum is wrong")
        parts, place, before = parts + part, place + length, kind
        if kind in (_FULL, _LAST):
            yield parts
            parts = b""


def read_offline_run(file: Path) -> OfflineRun:
    """Read a run that has ended, waiting until its end is written."""
    deadline = time.monotonic() + _SECONDS
    while True:
        run = _read(file)
        if run.exit_code >= 0:
            return run
        if time.monotonic() > deadline:
            raise TimeoutError(f"{file}: no end of the run after {_SECONDS:.0f} s")
        time.sleep(0.05)


def _read(file: Path) -> OfflineRun:
    run = OfflineRun(file.parent)
    for payload in records(file.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(payload)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            of_run = record.run
            run.id, run.name, run.project = of_run.run_id, of_run.display_name, of_run.project
            run.group, run.job_type, run.sweep = of_run.run_group, of_run.job_type, of_run.sweep_id
            run.tags = list(of_run.tags)
            run.config |= _decoded(of_run.config.update)
        elif kind == "config":
            run.config |= _decoded(record.config.update)
        elif kind == "summary":
            run.summary |= _decoded(record.summary.update)
        elif kind == "history":
            run.history.append(_decoded(record.history.item))
        elif kind == "exit":
            run.exit_code = record.exit.exit_code
    start = "_wandb/visualize/"
    charts = {k: v for k, v in run.config.items() if k.startswith(start)}
    run.charts = {k.removeprefix(start): v["panel_config"] for k, v in charts.items()}
    return run


def _decoded(items: Any) -> dict[str, Any]:
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}
