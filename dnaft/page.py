"""Pieces of a page that needs no other file and nothing from a network."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

COLOURS = 10  # classes of the style sheet, c0 to c9

_STYLE = """
:root { color-scheme: light dark; --text: #1d2329; --back: #fdfdfc; --soft: #5a646e;
  --line: #d8dce0; --panel: #f3f4f2; --leak: #b3261e; --labels: #a04a00; --bias: #8a6100;
  --shift: #4b5fae; --trap: #5a646e; --c0: #2f6fb0; --c1: #c8641b; --c2: #3d8a52; --c3: #8657a8;
  --c4: #b03a5b; --c5: #6d6d6d; --c6: #1f8a8a; --c7: #8a7a12; --c8: #7a5230; --c9: #c2559a; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e7ea; --back: #16191c; --soft: #9aa4ae;
  --line: #363c42; --panel: #1f2428; --leak: #ff8a80; --labels: #ffb26b; --bias: #e5c158;
  --shift: #9fb0ff; --trap: #9aa4ae; --c0: #6fb1f0; --c1: #f2a066; --c2: #7fcf95; --c3: #c59be6;
  --c4: #f08aa8; --c5: #b5b5b5; --c6: #5cc9c9; --c7: #d3c257; --c8: #c99a70; --c9: #f0a3d4; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .5rem; padding-top: .8rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
p { margin: .4rem 0; max-width: 46rem; }
.soft, figcaption { color: var(--soft); font-size: .88rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .6rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; white-space: nowrap; }
th { font-weight: 600; color: var(--soft); font-size: .85rem; }
td.wide { white-space: normal; overflow-wrap: anywhere; min-width: 12rem; }
ul { list-style: none; padding: 0; margin: .5rem 0; }
li { background: var(--panel); border-left: 4px solid var(--line); padding: .45rem .8rem;
  margin: .4rem 0; }
li b { text-transform: uppercase; font-size: .72rem; letter-spacing: .05em; margin-right: .6rem; }
li.leak { border-color: var(--leak); } li.leak b { color: var(--leak); }
li.labels { border-color: var(--labels); } li.labels b { color: var(--labels); }
li.bias { border-color: var(--bias); } li.bias b { color: var(--bias); }
li.shift { border-color: var(--shift); } li.shift b { color: var(--shift); }
li.trap { border-color: var(--trap); } li.trap b { color: var(--trap); }
.charts { display: flex; flex-wrap: wrap; gap: 1rem 2rem; }
figure { margin: 0; flex: 1 1 17rem; max-width: 30rem; }
svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--soft); font-size: 11px; }
svg line { stroke: var(--line); }
svg polygon { fill-opacity: .18; stroke-width: 1.6; }
.key span { display: inline-block; margin-right: 1rem; }
.key i { display: inline-block; width: .8rem; height: .8rem; margin-right: .35rem;
  vertical-align: -.08rem; }
.bar { display: inline-block; height: .6rem; background: var(--c0); margin-left: .5rem; }
code { font-size: .85em; overflow-wrap: anywhere; }
@media print { li, table, figure { break-inside: avoid; } }
""" + "".join(
    f"svg .c{i} {{ fill: var(--c{i}); stroke: var(--c{i}); }}\n"
    f".key .c{i} {{ background: var(--c{i}); }}\n"
    for i in range(COLOURS)
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def document(title: str, parts: Sequence[str], style: str = "", script: str = "") -> str:
    """Return a page, light or dark as the reader's system is.

    Args:
        title: Of the window.
        parts: HTML; empty ones are left out.
        style: Rules beside those of every page.
        script: The one script that the page may run, without `</script>` in it.
    """
    body = "\n".join(part for part in parts if part)
    policy, end = _POLICY, ""
    if script:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy = f"{_POLICY}; script-src 'sha256-{digest}'"
        end = f"<script>{script}</script>\n"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{style}</style>\n</head>\n<body>\n"
        f"<main>\n{body}\n</main>\n{end}</body>\n</html>\n"
    )


def section(title: str, content: str) -> str:
    """Return a part with a heading; nothing without content, which is HTML."""
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>" if content else ""


def note(text: str) -> str:
    """Return an explanation, from plain text."""
    return f'<p class="soft">{escape(text)}</p>'


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    wide: Sequence[int] = (),
    escaped: bool = False,
) -> str:
    """Return a table that scrolls where it is too wide.

    Args:
        head: Of the columns.
        rows: Cells.
        wide: Columns whose cells may be broken anywhere.
        escaped: Whether cells are HTML already.
    """

    def cell(column: int, content: str) -> str:
        start = '<td class="wide">' if column in wide else "<td>"
        return f"{start}{content if escaped else escape(str(content))}</td>"

    lines = "".join(
        f"<tr>{''.join(cell(at, content) for at, content in enumerate(row))}</tr>\n" for row in rows
    )
    titles = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    return (
        f'<div class="scroll"><table>\n<thead><tr>{titles}</tr></thead>\n'
        f"<tbody>\n{lines}</tbody>\n</table></div>\n"
    )
