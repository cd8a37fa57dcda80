"""Where the files of a pretrained model lie: a folder, the package, or the hub and its cache."""

import json
from pathlib import Path
from typing import Literal

from dnaft.errors import InputError
from dnaft.hub import (
    HubError,
    NotOnHubError,
    exists,
    fetch,
    find_any_cached,
    find_cached,
    is_repository_id,
)
from dnaft.packaged import find_packaged

SAFE = ("model.safetensors", "model.safetensors.index.json")
PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")


def find_checkpoint(source: str, revision: str | None, allow_pickle: bool) -> Path:
    """Return a folder with config.json and all weights, fetched from the hub if need be.

    What lies in the hub's cache is used without asking the network; what is fetched for one
    model comes from one commit.

    Args:
        source: A folder, what comes with a package (`find_packaged`), or a hub id.
        revision: Branch, tag or commit on the hub.
        allow_pickle: Accept pickled weights where there are no safetensors.

    Raises:
        InputError: If there is no such folder or repository, or it lacks a file.
    """
    try:
        folder = find_packaged("model", source) or Path(source).expanduser()
    except ValueError as error:
        raise InputError(f"model.source: {error}") from error
    if folder.is_dir():
        _check_folder(folder, allow_pickle)
        return folder
    if folder.exists():
        raise InputError(f"model.source: {folder} is a file; give the folder that holds it")
    if source.startswith((".", "/", "~")) or not is_repository_id(source):
        raise InputError(f"model.source: there is no folder {folder}; check the path")
    try:
        return _fetch_checkpoint(source, revision, allow_pickle)
    except HubError as error:
        raise InputError(
            f"model.source: no model {source}: it is no folder here, and the hub: {error}. Give a "
            "local folder with config.json and model.safetensors (model.source=FOLDER); or run "
            "once with network, which stores the model in the hub's cache (HF_HOME) for later "
            "runs without; or use a model that needs no file, such as model=tiny"
        ) from error


def look_for_checkpoint(
    source: str, revision: str | None, allow_pickle: bool
) -> Literal["here", "hub"]:
    """Return where all files of a model are, without fetching any: on this machine, or on the hub.

    Args:
        source: A folder, what comes with a package, or a hub id.
        revision: Branch, tag or commit on the hub.
        allow_pickle: Accept pickled weights where there are no safetensors.

    Raises:
        InputError: If they are in neither place, or the hub cannot be asked.
    """
    wanted = SAFE + PICKLED if allow_pickle else SAFE
    if is_repository_id(source) and not Path(source).expanduser().exists():
        cached = find_cached(source, "config.json", revision=revision)
        weights = find_any_cached(source, wanted, revision=revision)
        if cached is None or weights is None:
            return _look_on_hub(source, revision, wanted)
        for shard in _shards(weights):
            if find_cached(source, shard, revision=revision) is None:
                return _look_on_hub(source, revision, wanted)
        return "here"
    find_checkpoint(source, revision, allow_pickle)
    return "here"


def _look_on_hub(source: str, revision: str | None, wanted: tuple[str, ...]) -> Literal["hub"]:
    try:
        if not exists(source, "config.json", revision=revision):
            raise HubError("it has no config.json")
        if any(exists(source, name, revision=revision) for name in wanted):
            return "hub"
        for name in PICKLED:
            if name not in wanted and exists(source, name, revision=revision):
                raise _only_pickled(source, name)
        raise HubError("it has no weights")
    except HubError as error:
        raise InputError(
            f"model.source: no weights of {source} here: it is no folder, the hub's cache has not "
            f"all of its files, and the hub: {error}"
        ) from error


def _check_folder(folder: Path, allow_pickle: bool) -> None:
    if not (folder / "config.json").is_file():
        raise InputError(
            f"model.source: {folder} has no config.json; give a folder that transformers' "
            "save_pretrained wrote"
        )
    weights = _first_file(folder, SAFE) or (_first_file(folder, PICKLED) if allow_pickle else None)
    if weights is None:
        pickled = _first_file(folder, PICKLED)
        if pickled is not None:
            raise _only_pickled(str(folder), pickled.name)
        pickle_too = f" or {PICKLED[0]}" if allow_pickle else ""
        raise InputError(
            f"model.source: {folder} holds no weights: {SAFE[0]}{pickle_too} is missing"
        )
    for shard in _shards(weights):
        if not (folder / shard).is_file():
            raise InputError(
                f"model.source: {folder} lacks {shard}, which {weights.name} names; get a whole "
                "copy of the model"
            )


def _fetch_checkpoint(repo: str, revision: str | None, allow_pickle: bool) -> Path:
    folder = fetch(repo, ["config.json"], revision=revision).parent
    commit = folder.name
    try:
        weights = fetch(repo, SAFE + PICKLED if allow_pickle else SAFE, revision=commit)
    except HubError as error:
        if not allow_pickle:
            asked = isinstance(error, NotOnHubError)
            for name in PICKLED:
                if find_cached(repo, name, revision=commit) or (
                    asked and exists(repo, name, revision=commit)
                ):
                    raise _only_pickled(repo, name) from error
        raise
    for shard in _shards(weights):
        fetch(repo, [shard], revision=commit)
    return folder


def _first_file(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _shards(weights: Path) -> list[str]:
    """Return the files that an index names; none for weights in one file."""
    if weights.suffix != ".json":
        return []
    try:
        shards = sorted(set(json.loads(weights.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"model.source: {weights} is no index of weights; get a whole copy of the model"
        ) from error
    suffix = Path(weights.name.removesuffix(".index.json")).suffix
    for shard in shards:
        if Path(shard).name != shard or Path(shard).suffix != suffix:
            raise InputError(
                f"model.source: {weights} names {shard!r}, which is no {suffix} file beside it"
            )
    return shards


def _only_pickled(where: str, name: str) -> InputError:
    return InputError(
        f"model.source: {where} has pickled weights only ({name}), which can run code when read. "
        "Convert them to safetensors, or set model.allow_pickle=true to have them read by torch "
        "with weights_only"
    )
