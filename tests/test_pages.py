"""The pages of measured numbers say what the committed numbers of single runs say."""

import importlib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
# The module that writes a page, the page, and the numbers of its runs.
PAGES = [
    ("embedded_page", "embedded.md", "embedded.csv"),
    ("lingo", "lingo.md", "lingo.csv"),
    ("methods_page", "method_results.md", "method_results.csv"),
    ("study_page", "study.md", "study.csv"),
]


@pytest.mark.parametrize(("module", "page", "numbers"), PAGES)
def test_a_page_follows_its_numbers(
    module: str, page: str, numbers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = REPOSITORY / "docs"
    if not (docs / numbers).is_file():
        pytest.skip("not in this installation")
    monkeypatch.syspath_prepend(REPOSITORY / "benchmarks")
    (tmp_path / "images").mkdir()
    rows = importlib.import_module("runs").read_csv(docs / numbers)
    importlib.import_module(module).write(rows, tmp_path)
    assert (tmp_path / page).read_text() == (docs / page).read_text()
