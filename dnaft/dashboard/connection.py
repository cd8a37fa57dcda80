"""Whether W&B can be reached, and how it is told a configuration."""

import os
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

_SECONDS = 3


def find_mode() -> str:
    """Online with a key and a network, else offline; or what the environment says."""
    stated = os.environ.get("WANDB_MODE")
    if stated:
        return {"dryrun": "offline", "run": "online"}.get(stated, stated)
    import wandb

    if not wandb.login(prompt=False, verify=False):
        return "offline"
    server = urlsplit(wandb.setup().settings.base_url)
    port = server.port or (80 if server.scheme == "http" else 443)
    try:
        with socket.create_connection((server.hostname, port), timeout=_SECONDS):
            return "online"
    except OSError:
        return "offline"


def flatten(config: Mapping[str, Any], start: str = "") -> dict[str, Any]:
    """Return nested keys joined by dots, as an agent of W&B names those that it varies."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{start}{key}.")
        else:
            flat[f"{start}{key}"] = value
    return flat
