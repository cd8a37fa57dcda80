"""A search by dev score: it finds the best, goes on where it stopped, and asks for sense."""

from typing import Any

import pytest

from sweep_runs import Program, rows

optuna = pytest.importorskip("optuna", reason="the extra optuna is not installed")

SEARCH = (
    "-m", "hydra/sweeper=optuna", "method=lora", "seed=0", "hydra.sweeper.random_trials=4",
)  # fmt: skip
DROPOUT = "method.inject.dropout=interval(0,1)"


def test_it_proposes_what_optuna_proposes_for_the_same_scores(program: Program) -> None:
    out, _ = program.run(*SEARCH, DROPOUT, "hydra.sweeper.trials=9")
    lines = [line for line in out.splitlines() if line.startswith("[")]
    proposed = [float(line.split("dropout=")[1].split(":")[0]) for line in lines]

    def objective(trial: Any) -> float:
        # The score of the program: 0.5 at a dropout of 0.3, falling with the distance.
        return 0.5 - abs(round(trial.suggest_float("x", 0, 1), 6) - 0.3)

    sampler = optuna.samplers.TPESampler(n_startup_trials=4, seed=1)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(objective, n_trials=9)
    assert proposed == pytest.approx([trial.params["x"] for trial in study.trials], abs=1e-5)
    assert float(rows(out)[-1].split("|")[6]) == pytest.approx(study.best_value, abs=1e-4)


def test_it_goes_on_where_it_stopped(program: Program) -> None:
    program.run(*SEARCH, DROPOUT, "hydra.sweeper.trials=2")
    assert sum(program.log("done").values()) == 2
    more, _ = program.run(*SEARCH, DROPOUT, "hydra.sweeper.trials=5")
    assert sum(program.log("done").values()) == 5
    whole, _ = program.run(*SEARCH, DROPOUT, "hydra.sweeper.trials=5", "output_dir=whole")
    assert rows(whole) == rows(more)


def test_choices_and_several_at_once(program: Program) -> None:
    out, _ = program.run(
        *SEARCH, "method.inject.dropout=0.0,0.3", "method.rank=range(2,5)",
        "data.batch_size=int(interval(8,9))", "hydra.sweeper.trials=8", "hydra.sweeper.at_once=4",
    )  # fmt: skip
    found = [
        line.partition(": dev")[0].split()[-3:] for line in out.splitlines() if ": dev" in line
    ]
    assert len(found) >= 4
    for dropout, rank, batch in found:
        assert dropout in ("method.inject.dropout=0.0", "method.inject.dropout=0.3")
        assert rank in [f"method.rank={r}" for r in (2, 3, 4)]
        assert batch in ("data.batch_size=8", "data.batch_size=9")
    # What is proposed twice is done once.
    assert sum(program.log("done").values()) == len(program.results()) == len(rows(out)) - 2


def test_the_named_search(program: Program) -> None:
    out, _ = program.run("sweep=search", "hydra.sweeper.trials=3", "method.rank=4")
    found = [line.partition(": dev")[0] for line in out.splitlines() if line.startswith("[")]
    assert len(found) == 3
    for line in found:
        assert "data.batch_size=" in line
        assert 3e-5 <= float(line.partition("method.optimizer.lr=")[2].split()[0]) <= 1e-2
    assert set(program.log("done")) == {"lora-1"}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], "hydra/sweeper=optuna: there is nothing to search; give a key several values"),
        (["seed=1,2"], "seed: a search over seeds finds a lucky one"),
        (
            [DROPOUT, "hydra.sweeper.trials=0"],
            "hydra.sweeper.trials: must be a whole number, 1 or more, got 0",
        ),
        (
            ["method.optimizer.lr=tag(log,interval(0,1))"],
            "method.optimizer.lr=tag(log,interval(0,1)): an interval needs two ends in order",
        ),
        (["method.rnk=1,1"], "method.rnk=1: method.rnk: there is no such key"),
    ],
)
def test_nonsense_is_refused(program: Program, overrides: list[str], message: str) -> None:
    _, err = program.run(*SEARCH, *overrides, status=2)
    assert err.startswith(f"error: {message}")
    assert len(err.splitlines()) == 1
    assert program.results() == []
