"""Steps and scorings of a run, by pencil."""

from typing import Any

import pytest

from dnaft.sweeps.count import Count, count_run

# prom_tata: 4,904 rows in batches of 8 are 613; H3: 11,971 rows are 1,497 (7,485 in 5 epochs).
CASES: list[tuple[dict[str, Any], int, Count]] = [
    ({"max_epochs": 5}, 613, Count(3065, 3065, 5)),
    ({"max_epochs": 5}, 1497, Count(7485, 7485, 5)),
    ({"max_epochs": 10, "val_check_interval": 200, "check_val_every_n_epoch": None}, 613,
     Count(6130, 6130, 30)),
    ({"max_epochs": 5, "val_check_interval": 0.25}, 613, Count(3065, 3065, 20)),
    ({"max_epochs": 5, "check_val_every_n_epoch": 2}, 613, Count(3065, 3065, 2)),
    ({"max_epochs": 5, "val_check_interval": 200}, 613, Count(3065, 3065, 15)),
    ({"max_epochs": 1, "limit_train_batches": 0.01}, 5307, Count(53, 53, 1)),
    ({"max_epochs": 2, "accumulate_grad_batches": 4}, 10, Count(20, 6, 2)),
    ({"max_epochs": 5, "max_steps": 700}, 613, Count(700, 700, 1)),
    ({"max_epochs": -1, "max_steps": 700}, 613, Count(700, 700, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("trainer", "batches", "count"), CASES)
def test_by_pencil(trainer: dict[str, Any], batches: int, count: Count) -> None:
    assert count_run(trainer, batches) == count
