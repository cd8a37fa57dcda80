"""Where weights are, without fetching them."""

import json
from pathlib import Path

import pytest
from huggingface_hub import constants

from dnaft.errors import InputError
from dnaft.models.checkpoint import look_for_checkpoint

COMMIT = "0" * 40


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache with a repository someone/opt that has a config alone; the hub is off."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    repository = tmp_path / "models--someone--opt"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    return snapshot


def test_whole_models_of_the_cache_are_here(cache: Path) -> None:
    (cache / "model.safetensors").write_text("")
    assert look_for_checkpoint("someone/opt", None, allow_pickle=False) == "here"


def test_pickled_weights_count_where_they_are_allowed(cache: Path) -> None:
    (cache / "pytorch_model.bin").write_text("")
    assert look_for_checkpoint("someone/opt", None, allow_pickle=True) == "here"
    with pytest.raises(InputError, match="no weights of someone/opt here"):
        look_for_checkpoint("someone/opt", None, allow_pickle=False)


def test_a_shard_that_is_missing_is_noticed(cache: Path) -> None:
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (cache / "model.safetensors.index.json").write_text(json.dumps(index))
    (cache / "model-1.safetensors").write_text("")
    with pytest.raises(InputError, match="the hub's cache has not all of its files"):
        look_for_checkpoint("someone/opt", None, allow_pickle=False)
    (cache / "model-2.safetensors").write_text("")
    assert look_for_checkpoint("someone/opt", None, allow_pickle=False) == "here"


def test_folders_are_looked_into(tmp_path: Path) -> None:
    assert look_for_checkpoint("package:yeast_mini", None, allow_pickle=False) == "here"
    with pytest.raises(InputError, match="there is no folder"):
        look_for_checkpoint(str(tmp_path / "none"), None, allow_pickle=False)
