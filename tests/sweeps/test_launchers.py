"""The same sweep, wherever it is carried out."""

from collections.abc import Iterator

import pytest
from joblib.externals.loky import get_reusable_executor

from sweep_runs import Program, rows

SWEEP = ("-m", "method=lora", "seed=1,2,3")
DONE = {"lora-1": 1, "lora-2": 1, "lora-3": 1}


@pytest.fixture(autouse=True)
def _no_process_of_another_test() -> Iterator[None]:
    yield
    get_reusable_executor(max_workers=1).shutdown(kill_workers=True)


def compare(program: Program, *launcher: str) -> None:
    out, _ = program.run(*SWEEP, *launcher)
    assert program.log("done") == DONE
    again, _ = program.run(*SWEEP)
    assert "3 runs, 3 of them done already" in again
    assert rows(again) == rows(out)
    assert len(rows(out)) == 2 + 3
    log = program.folder / "outputs/yeast_promoter/yeast_mini/lora/seed3/output.log"
    assert log.read_text().splitlines()[-1] == "step 8"


def test_joblib(program: Program) -> None:
    compare(program, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")


def test_a_process_that_dies_takes_no_other_run_with_it(program: Program) -> None:
    out, err = program.run("-m", "method=lora", "seed=1,15,2", "hydra/launcher=joblib", status=1)
    assert program.log("done") == {"lora-1": 1, "lora-2": 1}
    assert "error: seed=15: its process died, for want of memory or time perhaps (EXIT(9))" in err
    assert err.endswith("error: 1 of 3 runs failed\n")
    assert len(rows(out)) == 2 + 2


def test_submitit_on_this_machine(program: Program) -> None:
    pytest.importorskip("submitit", reason="the extra submitit is not installed")
    compare(program, "hydra/launcher=submitit", "hydra.launcher.cluster=local",
            "hydra.launcher.parameters.gpus_per_node=0")  # fmt: skip


@pytest.mark.slow
def test_a_ray_cluster_on_this_machine(program: Program) -> None:
    pytest.importorskip("ray", reason="the extra ray is not installed")
    compare(program, "hydra/launcher=ray", "hydra.launcher.num_cpus=0.5")


def test_wrong_settings_are_refused(program: Program) -> None:
    _, err = program.run(*SWEEP, "hydra/launcher=joblib", "hydra.launcher.n_jobs=0", status=2)
    assert err == "error: hydra.launcher.n_jobs: must be 1 or more, or -1, got 0\n"
