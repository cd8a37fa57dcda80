"""A packaged tokenizer in the place of one that is not here, of its kind and about its pace."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dnaft.hub import is_repository_id
from dnaft.packaged import find_packaged

_KMER = "dnaft.tokenizers.kmer.KmerTokenizer"
_CHARACTER = "dnaft.tokenizers.character.CharacterTokenizer"
_BPE = "dnaft.tokenizers.bpe.BpeTokenizer"
_BASE_BY_BASE = "dnaft.tokenizers.by_base.BaseByBaseTokenizer"
_SPECIES = "dnaft.tokenizers.species.species_tokenizer"
_SPECIALS = 5  # of a vocabulary of k-mers
_LETTERS = 64  # fewer embeddings than that are no byte pairs: single bases and special tokens
_OF_DNA, _OF_LANGUAGE = "package:bpe_yeast", "package:bbpe_yeast_text"
# Byte pairs learnt on English read 1.91 bases of random DNA a token (GPT-2's, which OPT has; 1.95
# and 1.93 of GUE's H3 and prom_tata), those learnt on DNA 4.8. With the first 19 pairs of DNA alone
# the packaged ones of language and DNA read 1.91, too.
_ENGLISH = ("opt",)
_PAIRS_OF_ENGLISH = 19


def find_stand_in(
    tokenizer: Mapping[str, Any], architecture: Mapping[str, Any], folder: Path
) -> tuple[dict[str, Any], str] | None:
    """Return the configuration of a tokenizer that can stand in, and what it is; None without one.

    Its ids fit the embedding of the model, and a sequence has about as many tokens.

    Args:
        tokenizer: The configuration of a tokenizer that comes from the hub.
        architecture: The fields of the model's architecture.
        folder: Where a vocabulary may be written.
    """
    target, source = tokenizer.get("_target_"), tokenizer.get("source")
    embeddings = architecture.get("vocab_size")
    if not isinstance(embeddings, int) or not isinstance(source, str):
        return None
    path = Path(source).expanduser()
    if path.suffix == ".json" or path.exists() or not is_repository_id(source):
        return None  # a file or package that should be here
    text = {name: tokenizer.get(name, "") for name in ("prefix", "suffix")}
    if target == _SPECIES:
        k = tokenizer["k"]
        node = {"k": k, "species_id": _SPECIALS + 4**k, "vocab_size": embeddings}
        return {"_target_": _KMER, **node, **text}, f"overlapping {k}-mers"
    if target == _BASE_BY_BASE:
        return {"_target_": target, "source": _OF_LANGUAGE, **text}, "single bases"
    if target != _BPE:
        return None
    if embeddings < _LETTERS:
        return {"_target_": _CHARACTER, **text}, "single bases"
    english = architecture.get("model_type") in _ENGLISH
    source = _OF_LANGUAGE if english else _OF_DNA
    file = _cut(source, embeddings, _PAIRS_OF_ENGLISH if english else None, folder)
    said = "packaged byte pairs (about two bases a token)" if english else "packaged byte pairs"
    return {"_target_": _BPE, "source": str(file), **text}, said


def _cut(source: str, most: int, pairs_of_dna: int | None, folder: Path) -> Path:
    """Write a packaged vocabulary without the tokens that were learnt last; return the file.

    Args:
        source: Its name.
        most: Ids are smaller.
        pairs_of_dna: How many pairs of DNA are merged; None for all.
        folder: Where to.
    """
    file = folder / f"{source.partition(':')[2]}_{most}_{pairs_of_dna}.json"
    if file.is_file():
        return file
    packaged = find_packaged("tokenizer", source)
    assert packaged is not None
    whole = json.loads(packaged.read_text(encoding="utf-8"))
    model, left = whole["model"], pairs_of_dna
    model["vocab"] = {token: i for token, i in model["vocab"].items() if i < most}
    merges = []
    for first, second in model["merges"]:
        if first + second not in model["vocab"]:
            continue
        if left is not None and set(first + second) <= set("ACGT"):
            if left == 0:
                continue
            left -= 1
        merges.append([first, second])
    model["merges"] = merges
    file.write_text(json.dumps(whole), encoding="utf-8")
    return file
