"""The page: its tables and plots hold the numbers of the runs, and it works in a browser."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dnaft.report.contents import gather
from dnaft.report.runs import find_results, read_results
from dnaft.report.write import PAGE, write_report
from report_runs import contents_of, make_run, write_labels, write_metrics, write_ranks

MARKS = ("h3", "h3k4me1", "h4")
VOID = {"meta", "input", "link", "br", "wbr"}


class Parsed(HTMLParser):
    """Elements and their attributes, the cells of each table, and whether all tags are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._table = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self._table = str(dict(attrs)["id"]).removeprefix("table-")
            self.tables[self._table] = []
        elif tag == "tr":
            self.tables[self._table].append([])
        elif tag in ("td", "th"):
            self.tables[self._table][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.tables[self._table][-1][-1] += data


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outputs")
    for at, task in enumerate(MARKS):
        make_run(folder, task=task, method="baseline_kmer", lr=None, dev=0.2, test=0.21)
        for method, gain in (("lora", 0.0), ("full", 0.1), ("adalora_rs", 0.05 - 0.01 * at)):
            for seed in (1, 2):
                test = 0.3 + 0.1 * at + gain + 0.01 * seed
                run = make_run(
                    folder, task=task, method=method, seed=seed, dev=test + 0.05, test=test
                )
                write_metrics(run, [0.7, 0.6, 0.5, 0.4], {20: 0.2, 40: 0.3}, "mcc")
                if method == "adalora_rs":
                    write_ranks(run, {"00.q": 3 + seed, "00.v": 1, "01.q": 7, "01.v": 0})
    for lr in (1e-4, 1e-2):
        make_run(folder, task="h3", method="lora", lr=lr, dev=0.1, test=0.99)
    for model in ("opt_125m", "opt_350m"):
        run = make_run(folder, task="marks", model=model, metric="auroc", dev=0.8, test=0.75)
        write_labels(run, [0.6, 0.7, 0.9, 0.65 if model == "opt_125m" else 0.75])
    run = make_run(folder, task="prom_tata", model="opt_125m", method="lora", dev=0.6, test=0.5)
    probe = make_run(folder, task="h4", method="layer_probe", lr=None, dev=0.3, test=0.2)
    head = "layer,state,width,penalty,dev_mcc,test_mcc\n"
    (probe / "layers.csv").write_text(f"{head}0,first,8,1,0.1,0.1\n1,last,8,1,0.3,0.2\n")
    (folder / "broken").mkdir()
    (folder / "broken" / "result.json").write_text("{<b>")
    return folder


@pytest.fixture(scope="module")
def written(outputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    write_report(gather(*read_results(find_results(str(outputs)))), out, images=False)
    return out


@pytest.fixture(scope="module")
def page(written: Path) -> Parsed:
    parsed = Parsed((written / PAGE).read_text())
    assert parsed.open == []
    return parsed


def test_every_run_stands_in_the_table_of_runs(page: Parsed, outputs: Path) -> None:
    head, *rows = page.tables["runs"]
    assert len(rows) == len(list(outputs.rglob("result.json"))) - 1
    folders = {row[head.index("folder")] for row in rows}
    assert folders == {
        file.parent.relative_to(outputs).as_posix()
        for file in outputs.rglob("result.json")
        if file.parent.name != "broken"
    }


def test_the_best_are_those_of_dev_though_others_test_higher(page: Parsed) -> None:
    head, *rows = page.tables["best"]
    (lora,) = [row for row in rows if (row[0], row[2]) == ("h3", "lora")]
    assert lora[head.index("settings")] == "lr=0.001"
    assert lora[head.index("seeds")] == "2"
    assert lora[head.index("test")] == "0.3150"  # of .31 and .32
    assert lora[head.index("test spread")] == "0.0071"  # .01 / sqrt(2)
    assert "0.9900" not in lora


def test_warnings_stand_beside_numbers(page: Parsed) -> None:
    head, *rows = page.tables["best"]
    (probe,) = [row for row in rows if row[2] == "layer_probe"]
    assert probe[head.index("test")] == "0.20001"  # the mark 1: one seed
    meanings = [found.get("title") for tag, found in page.elements if tag == "sup"]
    assert "1: one seed: the spread over seeds is unknown" in meanings


def test_a_comparison_carries_the_warnings_of_its_scores(page: Parsed) -> None:
    head, *rows = page.tables["tests"]
    at = head.index("difference")
    differences = {(row[2], row[3]): row[at] for row in rows if row[0] == "tiny"}
    assert differences["full", "lora"] == "+0.1000"  # two seeds each
    # .1 on three tasks with gains of .05, .04 and .03.
    assert differences["adalora_rs", "full"] == "-0.0600"
    # The baseline has one seed, which is all that it needs.
    assert differences["full", "baseline_kmer"] == "+0.3050"


def test_damaged_files_are_named_and_escaped(written: Path) -> None:
    text = (written / PAGE).read_text()
    assert "Skipped: 1 damaged file" in text
    assert "broken/result.json" in text
    assert "{<b>" not in text


def test_sound_records_of_another_version_are_not_called_damaged(tmp_path: Path) -> None:
    make_run(tmp_path / "runs")
    other = make_run(tmp_path / "runs", method="full") / "result.json"
    content = json.loads(other.read_text())
    other.write_text(json.dumps(content | {"schema_version": 2}))
    contents = gather(*read_results(find_results(str(tmp_path / "runs"))))
    write_report(contents, tmp_path / "out", images=False)
    text = (tmp_path / "out" / PAGE).read_text()
    assert "Skipped: 1 record of another version" in text
    assert "schema_version is 2" in text
    assert "damaged" not in text


def test_published_numbers_stand_beside_measured_ones(page: Parsed) -> None:
    head, *rows = page.tables["published"]
    tata = [row for row in rows if row[:3] == ["prom_tata", "opt_125m", "lora"]]
    (row,) = tata
    assert row[head.index("paper: AdaLoRA+RS")] == "0.853"
    assert row[head.index("paper: LINGO")] == "0.853"
    assert row[head.index("measured")].startswith("-")  # the run has MCC, the papers AUC
    suites = {"promoters", "yeast histone marks"}  # what Table 3 counts over
    assert {row[0] for row in rows} == {*MARKS, "prom_tata"} | suites


def test_all_kinds_of_figures_are_drawn(page: Parsed) -> None:
    figures = {str(found["id"]) for tag, found in page.elements if tag == "figure"}
    assert figures == {
        f"figure-{key}"
        for key in (
            "methods", "parameters", "averages", "radar", "top_two", "ranks_of_methods",
            "setting_lr", "loss", "flops", "run_time", "time", "trainable", "layers", "ranks",
            "labels", "label_correlation",
        )
    }  # fmt: skip


def test_each_plot_is_well_formed_and_has_the_line_of_the_baseline(written: Path) -> None:
    text = (written / PAGE).read_text()
    (card,) = re.findall(r'<figure[^>]* id="figure-parameters">.*?</figure>', text, re.DOTALL)
    charts = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", card, re.DOTALL)]
    plots = [chart for chart in charts if chart.get("role") == "img"]
    named = {str(plot.get("aria-label")): plot for plot in plots}
    assert set(named) == {*MARKS, "marks", "prom_tata"}
    said = [shape.get("data-tip") for shape in named["h3"].iter() if shape.get("data-tip")]
    assert "baseline_kmer: 0.2100" in said
    assert sum(str(text).startswith(("lora", "full", "adalora_rs")) for text in said) == 3
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(svg)
        assert "nan" not in re.sub(r'data-tip="[^"]*"', "", svg)


def test_names_in_a_figure_carry_warnings_and_its_caption_tells_them(written: Path) -> None:
    text = (written / PAGE).read_text()
    (card,) = re.findall(r'<figure[^>]* id="figure-parameters">.*?</figure>', text, re.DOTALL)
    marked = (
        '>layer_probe<sup class="mark" title="1: one seed: the spread over seeds is unknown">1<'
    )
    assert marked in card
    caption = card.partition("<figcaption>")[2].partition("</figcaption>")[0]
    assert '<sup class="mark">1</sup>one seed' in caption


def test_the_page_asks_nothing_of_a_network(page: Parsed) -> None:
    for tag, found in page.elements:
        assert tag not in ("link", "iframe", "img", "object")
        for name in ("src", "href"):
            assert str(found.get(name, "#")).startswith("#")


def test_tables_are_written_three_ways(written: Path) -> None:
    names = {file.name for file in (written / "tables").iterdir()}
    keys = ("best", "configurations", "tests", "friedman", "published", "runs")
    assert names == {f"{key}.{end}" for key in keys for end in ("csv", "md", "tex")}
    line = next(
        line
        for line in (written / "tables" / "best.csv").read_text().splitlines()
        if line.startswith("h3,tiny,lora")
    )
    assert line.split(",")[8] == repr((0.31 + 0.32) / 2)


chromium = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
needs_chromium = pytest.mark.skipif(chromium is None, reason="there is no chromium to look with")


def browse(page: Path, profile: Path, *options: str) -> tuple[str, str]:
    """Return the page as the browser has it after its script ran, and what it logs."""
    assert chromium is not None
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
        f"--user-data-dir={profile}", "--dump-dom", *options, page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=True)
    return done.stdout, "\n".join(x for x in done.stderr.splitlines() if "CONSOLE" in x)


@needs_chromium
def test_the_script_runs_under_the_policy_without_an_error(written: Path, tmp_path: Path) -> None:
    shown, console = browse(written / PAGE, tmp_path)
    assert console == ""
    assert '<div class="tip" hidden=""></div>' in shown  # made by the script


@pytest.fixture
def after(tmp_path: Path) -> Callable[..., str]:
    """Return what a script says that runs after that of a page."""

    def run(page: Path, script: str, *options: str) -> str:
        text = page.read_text()
        text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
        check = f"<script>document.title = (() => {{ {script} }})();</script></body>"
        copy = tmp_path / "page.html"
        copy.write_text(text.replace("</body>", check))
        shown, console = browse(copy, tmp_path / "profile", *options)
        assert console == ""
        found = re.search(r"<title>(.*?)</title>", shown, re.DOTALL)
        assert found is not None
        return found[1]

    return run


@needs_chromium
def test_nothing_is_wider_than_a_narrow_screen(
    after: Callable[[Path, str], str], tmp_path: Path
) -> None:
    for model in ("opt_125m", "another_model_with_quite_a_long_name"):
        for weights in ("first", "second"):
            make_run(tmp_path / "long", model=model, **{"model.source": f"hub/{weights}_of_many"})
    write_report(contents_of(tmp_path / "long"), tmp_path / "out", images=False)
    said = after(
        tmp_path / "out" / PAGE,
        """
        document.body.style.width = "390px";
        const wide = [...document.querySelectorAll("main *")].filter((one) =>
          !one.closest(".scroll > *") && one.getBoundingClientRect().right > 390);
        return document.querySelectorAll("select").length + " " +
          wide.map((one) => one.tagName).join(" ");
    """,
    )
    assert said.strip() == "1"


@needs_chromium
def test_on_a_narrow_screen_charts_and_scores_can_be_read(
    after: Callable[..., str], written: Path
) -> None:
    said = after(
        written / PAGE,
        """
        const svg = document.querySelector("#figure-parameters .plot svg");
        const text = 11 * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
        const box = document.querySelector("#table-best").closest(".scroll");
        box.scrollLeft = 9999;
        const [left, right] = [box.getBoundingClientRect().left, box.getBoundingClientRect().right];
        const places = [...document.querySelector("#table-best tbody tr").cells]
          .map((one) => one.getBoundingClientRect()).map((one) => [one.left, one.right]);
        const [task, , method] = places;
        return [innerWidth <= 500, text >= 9, document.documentElement.scrollWidth <= innerWidth,
          task[0] - left < 2, Math.abs(method[0] - task[1]) < 1, right - method[1] > 120].join(" ");
    """,
        "--window-size=390,800",
    )
    assert said == "true true true true true true"


@needs_chromium
def test_clicks_sort_hide_choose_and_filter(
    after: Callable[[Path, str], str], written: Path
) -> None:
    said = after(
        written / PAGE,
        """
        const said = [];
        const table = document.getElementById("table-runs");
        const head = [...table.tHead.rows[0].cells].find((x) => x.textContent === "test");
        const values = () => [...table.tBodies[0].rows].map((r) => Number(r.cells[7].dataset.v));
        const sorted = (way) => values().every((v, i, all) => !i || way * (v - all[i - 1]) >= 0);
        said.push(sorted(1));
        head.querySelector("button").click();
        said.push(sorted(1), head.getAttribute("aria-sort"));
        head.querySelector("button").click();
        said.push(sorted(-1), head.getAttribute("aria-sort"));

        const figure = document.getElementById("figure-parameters");
        const list = figure.querySelector("select");
        list.value = "h4";
        list.dispatchEvent(new Event("change"));
        const open = [...figure.querySelectorAll(".chart")].filter((x) => !x.hidden);
        said.push(open.length, open[0].querySelector("h4").textContent);

        const key = open[0].querySelector('button[data-series="full"]');
        key.click();
        said.push([...open[0].querySelectorAll("g.off")].map((x) => x.dataset.series));
        key.click();
        said.push(open[0].querySelectorAll("g.off").length);

        const field = document.querySelector('input[data-filters="table-runs"]');
        field.value = "H3K4me1 full";
        field.dispatchEvent(new Event("input"));
        said.push([...table.tBodies[0].rows].filter((x) => !x.hidden).length);
        return said.join(" ");
    """,
    )
    assert said == "false true ascending true descending 1 h4 full 0 2"
