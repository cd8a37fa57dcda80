"""Find a byte-pair tokenizer: a file, a folder, a packaged one or one on the hub."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from tokenizers.models import WordPiece

from dnaft.hub import HubError, NotOnHubError, fetch, find_cached, is_repository_id
from dnaft.packaged import find_packaged

# Forms of a vocabulary on the hub, the best first, and what else may say how to use it.
_VOCABULARIES = (("tokenizer.json",), ("vocab.json", "merges.txt"), ("vocab.txt",))
_SETTINGS = ("config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
_ANY_LENGTH = 2**31
_PAD_NAMES = ("<pad>", "[PAD]", "<|padding|>", "<|pad|>")


def load_tokenizer(source: str, revision: str | None = None) -> tuple[Tokenizer, str | None]:
    """Return a Rust tokenizer and the name of its padding token, if it states one.

    Truncation and padding saved in the file are switched off, and so is WordPiece's limit of 100
    letters a word: DNA is one long word, which would be one unknown token.

    Args:
        source: A tokenizer.json; a folder that holds one, or the files of another Hugging Face
            tokenizer; one that comes with a package (`find_packaged`); or an id on the hub.
        revision: Branch, tag or commit on the hub.

    Raises:
        ValueError: If there is no such tokenizer, or it has no Rust implementation.
    """
    tokenizer, pad_token = _load(source, revision)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if isinstance(tokenizer.model, WordPiece):
        tokenizer.model.max_input_chars_per_word = _ANY_LENGTH
    return tokenizer, pad_token


def _load(source: str, revision: str | None) -> tuple[Tokenizer, str | None]:
    path = find_packaged("tokenizer", source) or Path(source).expanduser()
    if path.is_file():
        return _parse(path.read_text(encoding="utf-8"), source)
    if (path / "tokenizer.json").is_file():
        return _load_json(path / "tokenizer.json", path / "tokenizer_config.json")
    if path.is_dir():
        return _load_with_transformers(path, source)
    if path.suffix == ".json" or not is_repository_id(source):
        raise ValueError(f"no tokenizer file or folder {source}; check tokenizer.source")
    return _load_from_hub(source, revision)


def _load_from_hub(source: str, revision: str | None) -> tuple[Tokenizer, str | None]:
    try:
        folder = _cached_folder(source, revision) or _fetched_folder(source, revision)
    except HubError as error:
        raise ValueError(
            f"no tokenizer {source!r} on this disk, in the hub's cache or on the hub ({error}); "
            "check tokenizer.source, run once with network, which stores the tokenizer in the "
            "hub's cache (HF_HOME) for later runs without, or name a folder with "
            "tokenizer.source=FOLDER"
        ) from error
    if (folder / "tokenizer.json").is_file():
        return _load_json(folder / "tokenizer.json", folder / "tokenizer_config.json")
    return _load_with_transformers(folder, source)


def _cached_folder(source: str, revision: str | None) -> Path | None:
    """Return the folder of the cache that holds a whole vocabulary, if there is one."""
    for form in _VOCABULARIES:
        paths = [find_cached(source, file, revision=revision) for file in form]
        if paths[0] and all(paths):
            return paths[0].parent
    return None


def _fetched_folder(source: str, revision: str | None) -> Path:
    """Fetch the files of one commit; the vocabulary last, so that no cache has it alone.

    Raises:
        HubError: If the hub cannot be asked, or has no vocabulary in a known form.
    """
    for file in _SETTINGS:
        with suppress(NotOnHubError):
            revision = fetch(source, [file], revision=revision).parent.name
    for form in _VOCABULARIES:
        with suppress(NotOnHubError):
            paths = [fetch(source, [file], revision=revision) for file in form]
            return paths[0].parent
    known = ", ".join(" with ".join(form) for form in _VOCABULARIES)
    raise NotOnHubError(f"{source} has none of: {known}")


def _load_with_transformers(folder: Path, source: str) -> tuple[Tokenizer, str | None]:
    from transformers import AutoTokenizer  # seconds to import: only where nothing else serves

    try:
        loaded: Any = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    except Exception as error:  # whatever the class that a tokenizer_config.json names may raise
        reason = next((line for line in str(error).splitlines() if line.strip()), repr(error))
        raise ValueError(
            f"{source}: transformers cannot read this tokenizer ({reason}); give a folder or "
            "repository with a tokenizer.json"
        ) from error
    if not getattr(loaded, "is_fast", False):
        raise ValueError(
            f"{source}: {type(loaded).__name__} has no tokenizer.json form; use a tokenizer of "
            "dnaft (tokenizer=kmer, nonoverlapping_v1, nonoverlapping_v2, character) instead"
        )
    return loaded.backend_tokenizer, loaded.pad_token


def _load_json(file: Path, config: Path) -> tuple[Tokenizer, str | None]:
    tokenizer, pad_token = _parse(file.read_text(encoding="utf-8"), str(file))
    if config.is_file():
        stated = json.loads(config.read_text(encoding="utf-8")).get("pad_token")
        stated = stated.get("content") if isinstance(stated, dict) else stated
        pad_token = stated or pad_token
    return tokenizer, pad_token


def _parse(text: str, where: str) -> tuple[Tokenizer, str | None]:
    try:
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # the library raises bare Exception
        raise ValueError(f"{where} is no tokenizer.json: {error}") from error
    padding = tokenizer.padding
    known = ([padding["pad_token"]] if padding else []) + list(_PAD_NAMES)
    return tokenizer, next((t for t in known if tokenizer.token_to_id(t) is not None), None)
