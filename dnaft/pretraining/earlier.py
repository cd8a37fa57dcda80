"""What the weights that a pretraining begins with have seen before."""

import json
from collections.abc import Mapping
from typing import Any

from dnaft.errors import InputError
from dnaft.models.checkpoint import find_checkpoint
from dnaft.pretraining.genome import Genome

CARD = "card.json"


def read_earlier(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the trainings that the weights to begin with came from, the first of them first.

    Args:
        model: The model's part of the configuration.

    Returns:
        Of each how long it was, on which data and by which command; none for random weights and for
        folders without a card.
    """
    if model["source"] is None:
        return []
    folder = find_checkpoint(model["source"], model["revision"], model["allow_pickle"])
    if not (folder / CARD).is_file():
        return []
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    training = card["training"]
    names = ("steps", "tokens_seen", "hours", "window_bp", "objective", "precision")
    last = {name: training[name] for name in names}
    last["data"] = card["data"]
    last |= {name: card["rebuild"][name] for name in ("command", "code_version")}
    return [*card.get("earlier", []), last]


def refuse_seen(earlier: list[dict[str, Any]], genome: Genome) -> None:
    """Refuse weights that were trained on what is held out now.

    Args:
        earlier: What `read_earlier` returned.
        genome: That of today's training, with its splits.

    Raises:
        InputError: If a chromosome of dev or test stands among those of an earlier training on the
            same sequence.
    """
    today = genome.summary()
    held_out = {*today["dev"]["chromosomes"], *today["test"]["chromosomes"]}
    for training in earlier:
        data = training.get("data")
        if data is None or data["sha256"] != today["sha256"]:
            continue
        seen = sorted(held_out & {*data["train"]["chromosomes"]})
        if seen:
            raise InputError(
                f"model.source: its weights were trained on {', '.join(seen)} of this genome, "
                "which is held out now, so held-out numbers would be too good; take genome.dev and "
                "genome.test as they were then, or other weights"
            )
