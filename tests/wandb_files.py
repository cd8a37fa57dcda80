"""Read the file of an offline W&B run: LevelDB's log format around protocol buffers."""

import struct
from collections.abc import Iterator
from pathlib import Path

from wandb.proto import wandb_internal_pb2

_BLOCK = 32 * 1024
_FILE_HEADER = 7  # ":W&B", magic number, version
_RECORD_HEADER = struct.Struct("<IHB")  # checksum, length, type
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


def _payloads(content: bytes) -> Iterator[bytes]:
    place, parts = _FILE_HEADER, b""
    while place + _RECORD_HEADER.size <= len(content):
        left = _BLOCK - place % _BLOCK
        if left < _RECORD_HEADER.size:
            place += left  # the end of a block too short for a header is padding
            continue
        _, length, kind = _RECORD_HEADER.unpack_from(content, place)
        place += _RECORD_HEADER.size
        parts += content[place : place + length]
        place += length
        if kind in (_FULL, _LAST):
            yield parts
            parts = b""


def read_offline_run(file: Path) -> tuple[dict[str, str], set[str], dict[str, str]]:
    """Return the summary (JSON values), the names in the history, and the configuration."""
    summary: dict[str, str] = {}
    history: set[str] = set()
    config: dict[str, str] = {}
    for payload in _payloads(file.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(payload)
        for item in record.summary.update:
            summary[item.key or "/".join(item.nested_key)] = item.value_json
        for item in record.history.item:
            history.add(item.key or "/".join(item.nested_key))
        for item in record.config.update:
            config[item.key or "/".join(item.nested_key)] = item.value_json
    return summary, history, config
