"""From runs to files: the page, the tables, and the figures as images if asked for."""

import os
from collections.abc import Sequence
from pathlib import Path

from dnaft.errors import InputError, counted
from dnaft.report import (
    comparison_tables,
    label_figures,
    result_tables,
    run_figures,
    score_figures,
    setting_figures,
    task_figures,
)
from dnaft.report.attention_figures import attention_by_length
from dnaft.report.charts import Figure
from dnaft.report.contents import Contents
from dnaft.report.departures import departure_table
from dnaft.report.marks import ONE_SEED
from dnaft.report.page import to_page
from dnaft.report.published_table import published_table
from dnaft.report.tables import Table, to_csv, to_latex, to_markdown
from dnaft.report.top_two import top_two

PAGE = "report.html"
_FORMS = (("csv", to_csv), ("md", to_markdown), ("tex", to_latex))


def compose(contents: Contents) -> tuple[list[Table], dict[str, list[Figure]]]:
    """Return the tables and, by their heading, the figures."""
    ranked = comparison_tables.rankings(contents)
    tables = [
        result_tables.best_table(contents),
        result_tables.group_table(contents),
        comparison_tables.over_tasks(contents),
        comparison_tables.over_seeds(contents),
        comparison_tables.friedman_table(contents, ranked),
        departure_table(contents),
        published_table(contents),
        result_tables.run_table(contents),
    ]
    loss, compute = run_figures.training_curves(contents)
    figures = {
        "Scores": [
            score_figures.by_method(contents),
            score_figures.against_parameters(contents),
            task_figures.averages(contents),
            task_figures.radars(contents),
            top_two(contents),
            task_figures.critical_differences(contents, ranked),
        ],
        "Settings": setting_figures.by_setting(contents),
        "Training and cost": [
            loss,
            compute,
            setting_figures.run_times(contents),
            score_figures.against_time(contents),
            setting_figures.trainable_shares(contents),
            attention_by_length(contents),
        ],
        "Inside the model": [
            run_figures.layer_curves(contents),
            run_figures.rank_maps(contents),
        ],
        "Labels": list(label_figures.label_figures(contents)),
    }
    return tables, figures


def write_report(contents: Contents, out: Path, images: bool) -> list[Path]:
    """Write everything and return the files.

    Each file is either the old one or complete; files of other names are left as they are.

    Args:
        contents: The runs.
        out: Folder; it is made.
        images: Whether each chart is also drawn by matplotlib, as PNG and as SVG.

    Raises:
        InputError: If the folder cannot be written.
    """
    tables, figures = compose(contents)
    texts = {PAGE: to_page(contents, tables, figures)}
    for table in tables:
        if table.rows:
            texts |= {f"tables/{table.key}.{end}": form(table) for end, form in _FORMS}
    try:
        files = [_write(out / name, text) for name, text in texts.items()]
        if images:
            from dnaft.report.images import write_images  # matplotlib takes seconds to import

            every = [figure for found in figures.values() for figure in found]
            files += write_images(every, out / "figures")
    except OSError as error:
        raise InputError(f"out: {out} cannot be written ({error}); give another folder") from error
    return files


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return path


def summarise(contents: Contents, files: Sequence[Path]) -> str:
    """Return what the terminal says at the end."""
    single = sum(ONE_SEED in one.marks for one in contents.groups)
    on_test = sum(run.on_test for run in contents.runs)
    lines = [
        f"{counted(len(contents.runs), 'run')}, {counted(len(contents.groups), 'configuration')}, "
        f"{counted(len(contents.tasks), 'task')}"
    ]
    if single:
        lines.append(f"one seed only, so no spread: {counted(single, 'configuration')}")
    if on_test:
        lines.append(f"chosen on test, so never compared with others: {counted(on_test, 'run')}")
    lines.append(f"page: {files[0]}")
    lines.append(f"{counted(len(files) - 1, 'more file')} beside it")
    return "\n".join(lines)
