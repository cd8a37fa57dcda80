"""Find a byte-pair tokenizer: a file, a folder, a packaged one or one on the hub."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError
from tokenizers import Tokenizer

PACKAGED = "package:"
PACKAGED_FOLDER = files("dnaft") / "assets" / "tokenizers"
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_PAD_NAMES = ("<pad>", "[PAD]", "<|padding|>", "<|pad|>")


def load_tokenizer(source: str, revision: str | None = None) -> tuple[Tokenizer, str | None]:
    """Return a Rust tokenizer and the name of its padding token, if it states one.

    Truncation and padding saved in the file are switched off.

    Args:
        source: A tokenizer.json; a folder that holds one, or the files of another Hugging Face
            tokenizer; "package:NAME" for one that comes with dnaft; or an id on the hub.
        revision: Branch, tag or commit on the hub.

    Raises:
        ValueError: If there is no such tokenizer, or it has no Rust implementation.
    """
    tokenizer, pad_token = _load(source, revision)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer, pad_token


def _load(source: str, revision: str | None) -> tuple[Tokenizer, str | None]:
    if source.startswith(PACKAGED):
        name = source.removeprefix(PACKAGED)
        packaged = {p.name.removesuffix(".json"): p for p in PACKAGED_FOLDER.iterdir()}
        if name not in packaged:
            raise ValueError(
                f"no packaged tokenizer {name!r}; there are: {', '.join(sorted(packaged))}"
            )
        text = packaged[name].read_text(encoding="utf-8")
        return _parse(text, source)
    path = Path(source).expanduser()
    if path.is_file():
        return _parse(path.read_text(encoding="utf-8"), source)
    if (path / "tokenizer.json").is_file():
        return _load_json(path / "tokenizer.json", path / "tokenizer_config.json")
    if path.is_dir():
        return _load_with_transformers(source, None)
    if path.suffix == ".json" or not _HUB_ID.fullmatch(source):
        raise ValueError(f"no tokenizer file or folder {source}; check tokenizer.source")
    return _load_from_hub(source, revision)


def _load_from_hub(source: str, revision: str | None) -> tuple[Tokenizer, str | None]:
    try:
        file = Path(hf_hub_download(source, "tokenizer.json", revision=revision))
    except LocalEntryNotFoundError:  # offline, and this file was never fetched: maybe others were
        return _load_with_transformers(source, revision)
    except EntryNotFoundError:
        return _load_with_transformers(source, revision)
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise _not_found(source, error) from error
    try:
        config = Path(hf_hub_download(source, "tokenizer_config.json", revision=revision))
    except (EntryNotFoundError, HfHubHTTPError, OSError):
        config = file.with_name("tokenizer_config.json")
    return _load_json(file, config)


def _load_with_transformers(source: str, revision: str | None) -> tuple[Tokenizer, str | None]:
    from transformers import AutoTokenizer  # seconds to import: only where nothing else serves

    try:
        loaded: Any = AutoTokenizer.from_pretrained(
            source, revision=revision or "main", trust_remote_code=False
        )
    except (OSError, ValueError, KeyError) as error:
        raise _not_found(source, error) from error
    if not getattr(loaded, "is_fast", False):
        raise ValueError(
            f"{source}: {type(loaded).__name__} has no tokenizer.json form; use a tokenizer of "
            "dnaft (tokenizer=kmer, nonoverlapping_v1, nonoverlapping_v2, character) instead"
        )
    return loaded.backend_tokenizer, loaded.pad_token


def _not_found(source: str, error: Exception) -> ValueError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return ValueError(
        f"no tokenizer {source!r} on this disk, in the hub's cache or on the hub ({reason}); "
        "check tokenizer.source, fetch it while online, or use tokenizer.source=package:bbpe_yeast"
    )


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
