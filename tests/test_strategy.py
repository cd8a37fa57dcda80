"""How many processes a trainer asks for, and what is refused."""

from typing import Any

import pytest

from dnaft.errors import InputError
from dnaft.strategy import build_trainer, check_sharding, count_processes, shards_frozen

TRAINER: dict[str, Any] = {
    "_target_": "lightning.Trainer",
    "_partial_": True,
    "accelerator": "cpu",
    "strategy": "auto",
    "devices": 2,
}


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOCAL_RANK", "WORLD_SIZE", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("changes", "count"),
    [({}, 2), ({"strategy": "ddp", "devices": 3}, 3), ({"devices": 1}, 1), ({"devices": "1"}, 1)],
)
def test_as_many_processes_as_devices(changes: dict[str, Any], count: int) -> None:
    assert count_processes(TRAINER | changes) == count


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strategy": "ddp_spawn"}, r"trainer\.strategy: ddp_spawn is none that"),
        ({"num_nodes": 2}, r"trainer\.num_nodes: is 2; a run stays on one machine"),
        ({"num_nodes": 2, "devices": 1}, r"trainer\.num_nodes: is 2"),
        ({"devices": "none_at_all"}, r"trainer: .*devices"),
    ],
)
def test_what_gives_other_results_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        count_processes(TRAINER | changes)


@pytest.mark.parametrize(("name", "value"), [("LOCAL_RANK", "1"), ("SLURM_NTASKS", "2")])
def test_processes_started_from_outside_are_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match="2 processes are started by dnaft itself"):
        count_processes(TRAINER)
    assert count_processes(TRAINER | {"devices": 1}) == 1


def test_parted_weights_are_for_several_processes() -> None:
    assert count_processes(TRAINER | {"strategy": "fsdp"}) == 2
    assert count_processes(TRAINER | {"strategy": "fsdp", "devices": "1"}) == 1
    alone = {"strategy": "fsdp", "devices": 1, "logger": False, "enable_checkpointing": False}
    assert build_trainer(TRAINER | alone).world_size == 1


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("eval", "mlm", True, r"eval\.mlm: is true, and one process alone"),
        ("fast", "frozen_bf16", True, r"fast\.frozen_bf16: is true, and what is put back"),
        ("method", "quantise", "nf4", r"method\.quantise: is nf4, and matrices of four bits"),
    ],
)
def test_parted_weights_exclude_what_needs_them_whole(
    part: str, key: str, value: Any, message: str
) -> None:
    config: dict[str, Any] = {
        "trainer": TRAINER | {"strategy": "fsdp"},
        "eval": {"mlm": False},
        "fast": {"frozen_bf16": None},
        "method": {"quantise": None},
    }
    check_sharding(config)
    assert shards_frozen(config)
    config[part] = {key: value}
    with pytest.raises(InputError, match=message):
        check_sharding(config)
    whole = config | {"trainer": TRAINER | {"strategy": "ddp"}}
    check_sharding(whole)
    assert not shards_frozen(whole)


def test_precision_auto_is_what_the_machine_computes_fastest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def choose(wanted: str, device: str) -> tuple[str, str]:
        asked.append((wanted, device))
        return "bf16-mixed", "of this test"

    monkeypatch.setattr("dnaft.strategy.choose_precision", choose)
    plain = TRAINER | {"devices": 1, "logger": False, "enable_checkpointing": False}
    assert build_trainer(plain | {"precision": "auto"}).precision == "bf16-mixed"
    assert asked == [("auto", "cpu")]
    assert build_trainer(plain | {"precision": "32-true"}).precision == "32-true"
    assert build_trainer(plain).precision == "32-true"
