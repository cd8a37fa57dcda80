"""The page: what was run, tables that sort, figures whose series can be hidden."""

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files

from dnaft import __version__
from dnaft.page import COLOURS, document, note, section
from dnaft.report.charts import Chart, Figure, Plot, Radar
from dnaft.report.contents import Contents
from dnaft.report.marks import MEANING
from dnaft.report.svg import draw_marker
from dnaft.report.svg_forms import draw
from dnaft.report.tables import Table, to_html

_CHOICE = (
    "Checkpoints, settings and the configurations in every figure are chosen by the dev split "
    "alone. Test scores were never used to choose."
)
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
        f'<p class="soft">{_CHOICE}</p>',
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


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-")


def _anchored(key: str, title: str, content: str) -> str:
    return section(title, content).replace("<section>", f'<section id="{escape(key)}">', 1)


def _facts(contents: Contents) -> str:
    seeds = {run.record.seed for run in contents.runs}
    methods = {one.method for one in contents.groups}
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
    if not problems:
        return ""
    lines = "".join(f'<li class="leak">{escape(text)}</li>' for text in problems)
    count = len(problems)
    return section(f"Skipped: {count} damaged file{'s' if count > 1 else ''}", f"<ul>{lines}</ul>")


def _legend(contents: Contents) -> str:
    marks = set[str]().union(*(one.marks for one in contents.groups))
    if not marks:
        return ""
    items = " ".join(
        f'<span><sup class="mark">{mark}</sup>{escape(text)}</span>'
        for mark, text in MEANING.items()
        if mark in marks
    )
    return f'<p class="legend">Warnings beside a number: {items}</p>'


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
        f'<div class="chart"><h4>{escape(chart.title)}</h4>{draw(chart)}{_key(chart)}</div>'
        for chart in figure.charts
    )
    choice = ""
    if many:
        names = "".join(f"<option>{escape(chart.title)}</option>" for chart in figure.charts)
        choice = (
            f'<div class="tools" hidden><label>{escape(figure.choice)} '
            f"<select>{names}</select></label></div>"
        )
    return (
        f'<figure class="card{" many" if many else ""}" id="figure-{escape(figure.key)}">'
        f"<h3>{escape(figure.title)}</h3><figcaption>{escape(figure.note)}</figcaption>"
        f"{choice}{charts}</figure>\n"
    )


def _key(chart: Chart) -> str:
    """Return the names of the series, each once; a click on one hides it."""
    if not isinstance(chart, Plot | Radar) or (isinstance(chart, Plot) and chart.diagonal):
        return ""
    names = {one.name: one for one in reversed(chart.series)}
    models = {one.of: one for one in reversed(chart.series) if one.of}
    bars = isinstance(chart, Plot) and chart.form == "bars"
    several = bars or len(models) > 1
    parts = [
        _button("series", name, f"c{one.colour % COLOURS}", 1 if several else one.shape)
        for name, one in sorted(names.items())
    ]
    if len(models) > 1:
        parts.append("<span></span>")
        parts += [_button("of", name, "plain", one.shape) for name, one in sorted(models.items())]
    return f'<div class="keys">{"".join(parts)}</div>' if parts else ""


def _button(kind: str, name: str, look: str, shape: int) -> str:
    return (
        f'<button aria-pressed="true" data-{kind}="{escape(name)}">'
        f'<svg viewBox="0 0 14 14" aria-hidden="true"><g class="{look}">'
        f"{draw_marker(7, 7, shape)}</g></svg>{escape(name)}</button>"
    )
