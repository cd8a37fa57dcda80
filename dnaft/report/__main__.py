"""The command line: `python -m dnaft.report runs=outputs`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dnaft import arguments
from dnaft.errors import InputError, counted
from dnaft.exit_status import run_command
from dnaft.report.contents import gather
from dnaft.report.runs import find_results, read_results
from dnaft.report.write import summarise, write_report

USAGE = """\
python -m dnaft.report runs=FOLDER [out=FOLDER] [metric=NAME] [images=true]

Make one page with tables and plots of all finished runs below a folder.

  runs=FOLDER    such as outputs or outputs/h3; quoted, it may be a pattern: runs='outputs/h3*'
  out=FOLDER     where to; default: report. Files of an older report are replaced
  metric=NAME    scores to show, such as auroc, of tasks that have them; the choice stays with the
                 score that chose the checkpoints, which is also what is shown by default
  images=false   only the page and the tables (the default)
  images=true    also every chart as PNG and SVG, which takes longer

Reads result.json of each run, and metrics.csv, ranks.csv, layers.csv and label_scores.csv where
they lie beside it. Writes report.html, which needs no other file and no network, and each table as
CSV, Markdown and LaTeX. Settings are chosen by dev scores, never by test scores.
"""
_KEYS = ("runs", "out", "metric", "images")


@dataclass(frozen=True)
class Settings:
    """What the command line asks for.

    Attributes:
        runs: Folder of runs, or a pattern.
        out: Folder to write.
        images: Whether the charts are drawn as files, too.
        metric: The score to show; None for that which chose.
    """

    runs: str
    out: Path
    images: bool
    metric: str | None = None


def parse(typed: Sequence[str]) -> Settings:
    """Read KEY=VALUE arguments.

    Raises:
        InputError: For an unknown key, one that is given twice, a missing or a wrong value.
    """
    given = arguments.parse(typed, _KEYS)
    if "runs" not in given:
        raise InputError("runs: has no value; give a folder of runs with runs=FOLDER")
    out = Path(given.get("out", "report")).expanduser()
    if out.exists() and not out.is_dir():
        raise InputError(f"out: {out} is a file; give a folder with out=FOLDER")
    images = arguments.boolean(given, "images")
    return Settings(given["runs"], out, images, given.get("metric"))


def report(settings: Settings) -> str:
    """Make the report; return what the terminal says.

    Raises:
        InputError: If there are no runs, none can be read or has the score, or the folder cannot
            be written.
    """
    runs, problems = read_results(find_results(settings.runs), settings.metric)
    for problem in problems:
        print(f"skipped: {problem}", file=sys.stderr)
    if problems:
        were = "was" if len(problems) == 1 else "were"
        print(f"{counted(len(problems), 'damaged file')} {were} skipped", file=sys.stderr)
    contents = gather(runs, problems)
    files = write_report(contents, settings.out, settings.images)
    return summarise(contents, files)


def main() -> None:
    """Run the command line; exit with status 2 and a message if the input is wrong."""
    run_command(USAGE, lambda typed: print(report(parse(typed))))


if __name__ == "__main__":
    main()
