"""Check a composed configuration without building it."""

from collections.abc import Mapping
from typing import Any

from dnaft.config import _locate, check_arguments


def check_nodes(node: Any, key: str) -> Any:
    """Check every `_target_` below a node; return something that no type check looks into."""
    if isinstance(node, list):
        return [check_nodes(item, f"{key}[{i}]") for i, item in enumerate(node)]
    if not isinstance(node, Mapping):
        return node
    arguments = {
        name: check_nodes(item, f"{key}.{name}")
        for name, item in node.items()
        if name not in ("_target_", "_partial_")
    }
    if "_target_" not in node:
        return arguments
    target = _locate(node["_target_"], key)
    check_arguments(target, arguments, key, bool(node.get("_partial_")))
    return object()
