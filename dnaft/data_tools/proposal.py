"""A task for a user's file: what the keys of a yaml are set to, and why."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dnaft.config import build
from dnaft.data.letters import IUPAC
from dnaft.data.source import SPLITS
from dnaft.data.task import Task
from dnaft.data_tools.guess import Labels
from dnaft.data_tools.look import Form

_SOURCES = {
    "table": "dnaft.data.table_files.TableFiles",
    "fasta": "dnaft.data.fasta_files.FastaFiles",
    "bed": "dnaft.data.bed_files.BedFiles",
}
_SPLIT_RULE = "dnaft.data.split_rule.SplitRule"


@dataclass(frozen=True)
class Proposal:
    """Keys that differ from the yaml that the task builds upon.

    Attributes:
        form: Name of that yaml.
        task: Keys of the task.
        source: Keys of its source, `split` among them; None for what the file does not tell.
        remarks: What is said beside a key.
    """

    form: Form
    task: dict[str, Any]
    source: dict[str, Any]
    remarks: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether nothing is left for the user to say."""
        return None not in self.source.values()

    def build(self) -> Task:
        """Return the task.

        Raises:
            InputError: If a key has a wrong value.
        """
        source = {**self.source, "_target_": _SOURCES[self.form]}
        if "split" in source:
            source["split"] = {**source["split"], "_target_": _SPLIT_RULE}
        node = {**self.task, "_target_": "dnaft.data.task.Task", "source": source}
        task: Task = build(node, "task")
        return task

    def yaml(self, head: Sequence[str]) -> str:
        """Return the text of the file.

        Args:
            head: Lines of the comment at its beginning.
        """
        lines = [f"# {line}".rstrip() for line in head]
        lines += [f"defaults: [{self.form}, _self_]", *self._lines(self.task, "")]
        lines += ["source:", *self._lines(self.source, "  ")]
        return "\n".join(lines) + "\n"

    def _lines(self, keys: Mapping[str, Any], indent: str) -> list[str]:
        lines = []
        for key, value in keys.items():
            if isinstance(value, dict):
                lines += [f"{indent}{key}:", *self._lines(value, f"{indent}  ")]
                continue
            # Not ???: what a yaml builds upon would fill it in.
            said = "fill in, the file does not tell" if value is None else self.remarks.get(key)
            remark = f"   # {said}" if said else ""
            lines.append(f"{indent}{key}: {_scalar(value)}{remark}")
        return lines


def letter_keys(sequences: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return keys of a task for the letters that there are, and remarks on them."""
    counts = Counter("".join(sequences))
    lower = sum(number for letter, number in counts.items() if letter.islower())
    codes = {c: counts[c] + counts[c.lower()] for c in IUPAC if c != "N"}
    codes = {code: number for code, number in codes.items() if number}
    uracil = counts["U"] + counts["u"]
    keys: dict[str, Any] = {}
    remarks: dict[str, str] = {}
    if lower:
        keys["case"] = "upper"
        remarks["case"] = f"{lower:,} lower-case letters; or mask: N, keep, error"
    if codes:
        keys["ambiguity"] = "N"
        found = ", ".join(f"{code} {number:,}" for code, number in codes.items())
        remarks["ambiguity"] = f"{found}; or random: one of their bases, error: refuse"
    if uracil:
        keys["uracil"] = "T"
        remarks["uracil"] = f"{uracil:,} U"
    return keys, remarks


def label_keys(labels: Labels | None) -> dict[str, Any]:
    """Return keys of a task with these labels."""
    if labels is None:
        return {"kind": "binary"}
    keys: dict[str, Any] = {"kind": labels.kind, "outputs": labels.outputs}
    if labels.classes:
        keys["classes"] = list(labels.classes)
    return keys


def file_keys(given: Mapping[str, str]) -> dict[str, Any]:
    """Return keys of a source that name files, as absolute paths."""
    keys = {"labels": "label_table"}
    named = (*SPLITS, "file", "genome", "background", "labels")
    return {
        keys.get(key, key): str(Path(given[key]).expanduser().resolve())
        for key in named
        if key in given
    }


def _scalar(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_scalar, value))}]"
    if isinstance(value, str) and value not in ("N", "T") and not value.isidentifier():
        # JSON is YAML; a "${" would be taken for an interpolation.
        return json.dumps(value.replace("${", "\\${"), ensure_ascii=False)
    if isinstance(value, str) and value.lower() in ("y", "n", "yes", "no", "on", "off", "true",
                                                    "false", "null", "none"):  # fmt: skip
        return json.dumps(value)
    return "null" if value is None else str(value)
