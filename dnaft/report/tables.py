"""Tables as HTML, CSV, Markdown and LaTeX."""

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from dnaft.record import aligned_table
from dnaft.report.marks import explain, letters

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$",
    "<": r"\textless{}", ">": r"\textgreater{}", "·": r"$\cdot$",
}  # fmt: skip


_STAYING = (("first", "second"), ("task", "method"))  # that tell a row from others
_LONG = 40  # rows, above which a table needs more than a page of paper


@dataclass(frozen=True)
class Cell:
    """What stands in a table.

    Attributes:
        shown: As people read it.
        value: What it is sorted by and what a CSV holds; `shown` if None.
        marks: Letters of warnings beside it.
        strong: Whether it is the best of its kind.
    """

    shown: str
    value: float | str | None = None
    marks: frozenset[str] = frozenset()
    strong: bool = False

    @property
    def plain(self) -> str:
        """The value in full."""
        if self.value is None:
            return self.shown
        if isinstance(self.value, str):
            return self.value
        if math.isnan(self.value):
            return ""
        return f"{self.value:.0f}" if self.value.is_integer() else repr(self.value)


@dataclass(frozen=True)
class Table:
    """Rows under a head.

    Attributes:
        key: Name of its files.
        title: Heading.
        note: What it shows and how its numbers were chosen.
        head: Of each column its title.
        numeric: Of each column whether it holds numbers.
        rows: Cells.
    """

    key: str
    title: str
    note: str
    head: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[Cell, ...], ...]


def number(value: float, form: str, marks: frozenset[str] = frozenset()) -> Cell:
    """Return a cell with a number, a dash if there is none."""
    if math.isnan(value):
        return Cell("-", math.nan, marks)
    return Cell(format(value, form), value, marks)


def count(found: int) -> Cell:
    """Return a cell with a count."""
    return Cell(str(found), float(found))


def p_value(p: float) -> Cell:
    """Return a cell with a p, a dash if there is none."""
    return Cell("< 0.0001", p) if p < 1e-4 else number(p, ".4f")


def to_html(table: Table) -> str:
    """Return a table whose columns the page's script sorts."""
    looks = _looks(table)
    titles = "".join(
        f'<th scope="col"{_classes(look)} aria-sort="none"><button>{escape(title)}</button></th>'
        for title, look in zip(table.head, looks, strict=True)
    )
    lines = "".join(f"<tr>{''.join(map(_html_cell, row, looks))}</tr>\n" for row in table.rows)
    return (
        f'<div class="scroll"><table id="table-{escape(table.key)}" class="sortable">\n'
        f"<thead><tr>{titles}</tr></thead>\n<tbody>\n{lines}</tbody>\n</table></div>\n"
    )


def _looks(table: Table) -> list[str]:
    """Return the classes of each column; on a narrow screen two of text stay where they are."""
    staying = next((pair for pair in _STAYING if {*pair} <= {*table.head}), ())
    return [
        "num" if right else "stays" if title in staying else ""
        for title, right in zip(table.head, table.numeric, strict=True)
    ]


def _classes(look: str) -> str:
    return f' class="{look}"' if look else ""


def _html_cell(cell: Cell, look: str) -> str:
    inner = escape(cell.shown)
    if look == "stays":  # a narrow column, whose names break behind their parts
        inner = inner.replace("_", "_<wbr>")
    if cell.strong:
        inner = f"<b>{inner}</b>"
    if cell.marks:
        inner += superscript(cell.marks)
    sorted_by = f' data-v="{escape(cell.plain)}"' if cell.value is not None else ""
    return f"<td{_classes(look)}{sorted_by}>{inner}</td>"


def superscript(marks: frozenset[str]) -> str:
    """Return letters of warnings as HTML that says what they mean."""
    meaning = escape("; ".join(explain(marks)))
    return f'<sup class="mark" title="{meaning}">{letters(marks)}</sup>'


def to_csv(table: Table) -> str:
    """Return the values in full; a column `warnings` at the end holds the marks of a row."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*table.head, "warnings"])
    for row in table.rows:
        marks = sorted(set[str]().union(*(cell.marks for cell in row)))
        writer.writerow([*(cell.plain for cell in row), " ".join(marks)])
    return out.getvalue()


def to_markdown(table: Table) -> str:
    """Return a table of Markdown, the marks in `^`."""
    rows = [[_marked(cell).replace("|", r"\|") for cell in row] for row in table.rows]
    return f"{aligned_table(table.head, rows, table.numeric)}\n\n{legend(table)}"


def _marked(cell: Cell) -> str:
    shown = f"**{cell.shown}**" if cell.strong else cell.shown
    return f"{shown} ^{letters(cell.marks)}^" if cell.marks else shown


def legend(table: Table) -> str:
    """Return what the marks in a table mean, in plain text; nothing without marks."""
    marks = set[str]().union(*(cell.marks for row in table.rows for cell in row))
    return "".join(f"{line}.\n" for line in explain(marks))


def to_latex(table: Table) -> str:
    """Return a `tabular` with the rules of booktabs; a `longtable` of many rows.

    A `tabular` does not go on over pages. The head of a `longtable` stands on each.
    """
    columns = "".join("r" if right else "l" for right in table.numeric)
    kind = "longtable" if len(table.rows) > _LONG else "tabular"
    head = [r"\toprule", _latex_line(table.head), r"\midrule"]
    rows = [_latex_line([_latex_cell(cell) for cell in row], True) for row in table.rows]
    if kind == "longtable":
        body = [*head, r"\endhead", r"\bottomrule", r"\endfoot", *rows]
    else:
        body = [*head, *rows, r"\bottomrule"]
    lines = [f"% {line}" for line in legend(table).splitlines()]
    lines += [rf"\begin{{{kind}}}{{{columns}}}", *body, rf"\end{{{kind}}}", ""]
    return "\n".join(lines)


def _latex_cell(cell: Cell) -> str:
    shown = latex_text(cell.shown)
    if cell.strong:
        shown = rf"\textbf{{{shown}}}"
    return rf"{shown}$^\mathrm{{{letters(cell.marks)}}}$" if cell.marks else shown


def _latex_line(cells: Sequence[str], ready: bool = False) -> str:
    return " & ".join(cells if ready else map(latex_text, cells)) + r" \\"


def latex_text(text: str) -> str:
    r"""Return a text whose special letters LaTeX prints.

    >>> print(latex_text("prom_tata 5%"))
    prom\_tata 5\%
    """
    return re.sub(r"[\\&%$#_{}~^±<>·]", lambda found: _LATEX[found[0]], text)
