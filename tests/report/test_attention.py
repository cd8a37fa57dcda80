"""Attention against length, counted by pencil."""

from pathlib import Path
from typing import Any

import pytest

from dnaft.report.attention_figures import attention_by_length
from report_runs import contents_of, make_run, only


def test_attention_is_layers_heads_and_tokens_squared(tmp_path: Path) -> None:
    shapes: dict[str, dict[str, Any]] = {
        "opt_125m": {"num_hidden_layers": 12, "num_attention_heads": 12},
        "yeast_mini": {"num_hidden_layers": 4, "num_attention_heads": 4, "stride": 3},
        "moderngena_base": {
            "num_hidden_layers": 22, "num_attention_heads": 12, "local_attention": 128
        },
        "hyenadna_tiny_1k": {"n_layer": 2},
    }  # fmt: skip
    for model, shape in shapes.items():
        for task, bases, tokens in (("prom_tata", 300, 60), ("h3", 500, 120)):
            for method, prefix in (("lora", 0), ("lingo", 9)):
                data = {
                    "truncation": {"train": {"sequences": 0, "rows": 4, "total_bp": 4 * bases}},
                    "tokens": {"train": {"mean": tokens + prefix}},
                }
                changed: dict[str, Any] = {"model.architecture": shape, "data": data}
                make_run(tmp_path, task=task, model=model, method=method, **changed)
    figure = attention_by_length(contents_of(tmp_path))
    plot = only(figure)
    assert (plot.x_log, plot.y_log) == (True, True)
    dots = {one.name: [(p.x, p.y) for p in one.points] for one in plot.series if one.dotted}
    assert {name: sorted(points) for name, points in dots.items()} == {
        "opt_125m": [(300, 144 * 60**2), (500, 144 * 120**2)],
        "yeast_mini": [(300, 16 * 20**2), (500, 16 * 40**2)],
    }
    assert "not measured" in figure.note
    (line,) = (one for one in plot.series if one.joined and one.name == "opt_125m")
    (x1, y1), (x2, y2) = ((point.x, point.y) for point in line.points)
    assert (x1, x2) == (150, 1000)
    assert y2 / y1 == pytest.approx((x2 / x1) ** 2)
    named = {p.beside for one in plot.series for p in one.points if p.beside}
    assert named == {"prom_tata", "h3"}


@pytest.mark.parametrize("part", ["truncation", "windows"])
def test_rows_that_were_not_read_whole_say_nothing_of_attention(tmp_path: Path, part: str) -> None:
    shape = {"num_hidden_layers": 12, "num_attention_heads": 12}
    data = {
        "truncation": {"train": {"sequences": 0, "rows": 4, "total_bp": 1200}},
        "tokens": {"train": {"mean": 60}},
    }
    data[part] = {"train": {**data.get(part, {}).get("train", {}), "sequences": 1}}
    make_run(tmp_path, data=data, **{"model.architecture": shape})
    assert attention_by_length(contents_of(tmp_path)).charts == ()
