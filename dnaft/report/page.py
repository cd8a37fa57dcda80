"""The page: what was run, tables that sort, figures whose series can be hidden."""

from collections.abc import Collection, Mapping, Sequence
from html import escape
from importlib.resources import files

from dnaft import __version__
from dnaft.errors import counted
from dnaft.page import document, note, section
from dnaft.report.charts import Chart, Figure, Plot, Radar, Rows, Series, warnings
from dnaft.report.contents import Contents
from dnaft.report.groups import marks_together
from dnaft.report.marks import MEANING, NOT_BY_DEV, ON_TEST, Marked, marks_of
from dnaft.report.svg_forms import draw
from dnaft.report.svg_shapes import draw_marker, look_of
from dnaft.report.tables import Table, superscript, to_html

_OTHER_VERSION = ": schema_version is "  # in what dnaft.record says of such a file
_FILTERED_FROM = 8  # rows, from which a field to look for some is offered


def to_page(
    contents: Contents, tables: Sequence[Table], figures: Mapping[str, Sequence[Figure]]
) -> str:
    """Return the page.

    Args:
        contents: The runs.
        tables: In their order on the page; empty ones are left out.
        figures: By the heading they stand under; those without charts are left out.
    """
    shown = [table for table in tables if table.rows]
    drawn = {
        heading: [figure for figure in found if figure.charts] for heading, found in figures.items()
    }
    drawn = {heading: found for heading, found in drawn.items() if found}
    links = [(table.key, table.title) for table in shown]
    links[1:1] = [(_anchor(heading), heading) for heading in drawn]
    anchors = "".join(f'<a href="#{key}">{escape(title)}</a>' for key, title in links)
    parts = [
        "<h1>Report of runs</h1>",
        note(_choice(contents)),
        _facts(contents),
        f"<nav>{anchors}</nav>",
        _problems(contents.problems),
        _legend(contents),
        *(_table_section(table) for table in shown[:1]),
        *(
            _anchored(_anchor(heading), heading, _figures(found))
            for heading, found in drawn.items()
        ),
        *(_table_section(table) for table in shown[1:]),
        note(f"dnaft {__version__}, python -m dnaft.report"),
    ]
    assets = files("dnaft") / "assets" / "report"
    style = (assets / "report.css").read_text(encoding="utf-8")
    script = (assets / "report.js").read_text(encoding="utf-8")
    return document("Report of runs", parts, style, script)


def _choice(contents: Contents) -> str:
    """Return who chose, as the runs have it."""
    count, on_test = len(contents.runs), sum(run.on_test for run in contents.runs)
    by_neither = sum(NOT_BY_DEV in run.marks for run in contents.runs)
    if not on_test + by_neither:
        said = "Checkpoints and settings are chosen by the dev split alone, never by test scores."
        return said + contents.shown
    said = "Settings are chosen by the dev split."
    if on_test:
        said += (
            f" The checkpoints of {on_test} of {counted(count, 'run')} were chosen on test "
            f"({ON_TEST}): their test scores are too good. They have names of their own, are not "
            "compared with others, and stand in plots of scores only where dev chose for no run of "
            "the method."
        )
    if by_neither:
        said += (
            f" The checkpoints of {by_neither} of {counted(count, 'run')} were not chosen by dev "
            f"({NOT_BY_DEV})."
        )
    return said + contents.shown


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-")


def _anchored(key: str, title: str, content: str) -> str:
    return section(title, content).replace("<section>", f'<section id="{escape(key)}">', 1)


def _facts(contents: Contents) -> str:
    seeds = {run.record.seed for run in contents.runs}
    methods = {one.own_method for one in contents.groups}
    facts = [
        (len(contents.runs), "runs"),
        (len(contents.groups), "configurations"),
        (len(contents.tasks), "tasks"),
        (len(contents.models), "models"),
        (len(methods), "methods and baselines"),
        (len(seeds), "seeds"),
    ]
    boxes = "".join(f"<div><b>{count:,}</b><span>{what}</span></div>" for count, what in facts)
    return f'<div class="facts">{boxes}</div>'


def _problems(problems: Sequence[str]) -> str:
    """Return what could not be read: damaged files, and sound ones of another version apart."""
    others = [text for text in problems if _OTHER_VERSION in text]
    damaged = [text for text in problems if _OTHER_VERSION not in text]
    return _skipped(damaged, "damaged file", "leak") + _skipped(
        others, "record", "shift", " of another version"
    )


def _skipped(problems: Sequence[str], what: str, look: str, which: str = "") -> str:
    if not problems:
        return ""
    lines = "".join(f'<li class="{look}">{escape(text)}</li>' for text in problems)
    return section(f"Skipped: {counted(len(problems), what)}{which}", f"<ul>{lines}</ul>")


def _legend(contents: Contents) -> str:
    marks = marks_together([*contents.groups, *contents.best.values()])
    return f'<p class="legend">Warnings: {_meanings(marks)}</p>' if marks else ""


def _meanings(marks: Collection[str]) -> str:
    return " ".join(
        f'<span><sup class="mark">{mark}</sup>{escape(text)}</span>'
        for mark, text in MEANING.items()
        if mark in marks
    )


def _table_section(table: Table) -> str:
    tools = (
        '<div class="tools" hidden><label>Show rows with <input type="search" '
        f'data-filters="table-{escape(table.key)}" placeholder="words"></label><output></output>'
        "</div>"
    )
    wanted = tools if len(table.rows) > _FILTERED_FROM else ""
    return _anchored(table.key, table.title, note(table.note) + wanted + to_html(table))


def _figures(figures: Sequence[Figure]) -> str:
    return f'<div class="figures">{"".join(map(_figure, figures))}</div>'


def _figure(figure: Figure) -> str:
    many = len(figure.charts) > 1
    charts = "".join(
        f'<div class="chart"><h4>{_marked(chart.title)}</h4><div class="plot">{draw(chart)}</div>'
        f"{_key(chart)}</div>"
        for chart in figure.charts
    )
    choice = ""
    if many:
        names = "".join(f"<option>{escape(chart.title)}</option>" for chart in figure.charts)
        choice = (
            f'<div class="tools" hidden><label>{escape(figure.choice)} '
            f"<select>{names}</select></label></div>"
        )
    marks = frozenset[str]().union(*map(warnings, figure.charts))
    legend = f'<div class="legend">{_meanings(marks)}</div>' if marks else ""
    return (
        f'<figure class="card{" many" if many else ""}" id="figure-{escape(figure.key)}">'
        f"<h3>{escape(figure.title)}</h3><figcaption>{escape(figure.note)}{legend}</figcaption>"
        f"{choice}{charts}</figure>\n"
    )


def _key(chart: Chart) -> str:
    """Return the names of the series, each once; a click on one hides it."""
    if not isinstance(chart, Plot | Rows | Radar) or (isinstance(chart, Plot) and chart.diagonal):
        return ""
    names: dict[str, list[Series]] = {}
    for one in chart.series:
        names.setdefault(one.name, []).append(one)
    models = {one.of: one for one in reversed(chart.series) if one.of}
    bars = isinstance(chart, Rows) or (isinstance(chart, Plot) and chart.form == "bars")
    several = bars or len(models) > 1
    parts = []
    for name, same in sorted(names.items()):
        label = Marked(name, marks_of(*(one.name for one in same)))
        shape = 1 if several else same[0].shape
        parts.append(_button("series", label, look_of(same[0]), shape))
    if len(models) > 1:
        parts.append("<span></span>")
        parts += [_button("of", name, "plain", one.shape) for name, one in sorted(models.items())]
    return f'<div class="keys">{"".join(parts)}</div>' if parts else ""


def _button(kind: str, name: str, look: str, shape: int) -> str:
    return (
        f'<button aria-pressed="true" data-{kind}="{escape(name)}">'
        f'<svg viewBox="0 0 14 14" aria-hidden="true"><g class="{look}">'
        f"{draw_marker(7, 7, shape)}</g></svg>{_marked(name)}</button>"
    )


def _marked(name: str) -> str:
    marks = marks_of(name)
    return escape(name) + (superscript(marks) if marks else "")
