"""Benchmarks from archives, hostile ones too, and from a hub on this machine."""

import io
import json
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnaft.data_tools.archive import Archive
from dnaft.errors import InputError
from loopback_hub import serve

Run = Callable[..., tuple[int, str, str]]
SPLITS = ("train", "dev", "test")
TATA = "prom/prom_core_tata"


def table(split: str, rows: int = 4) -> bytes:
    """Return a file that fits core_tata: 70 bp, two classes."""
    letter = {"train": "C", "dev": "G", "test": "T"}[split]
    lines = [f"{'A' * i}{letter * (70 - i)},{i % 2}" for i in range(rows)]
    return "\n".join(["sequence,label", *lines, ""]).encode()


GOOD = {f"GUE/{TATA}/{split}.csv": table(split) for split in SPLITS}


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("prefix", ["GUE/", "", "download/GUE v1/"])
def test_an_archive_is_laid_out(run: Run, tmp_path: Path, prefix: str) -> None:
    more = {f"{prefix}readme.txt": b"x", f"__MACOSX/GUE/{TATA}/train.csv": b"resource fork"}
    content = {name.replace("GUE/", prefix, 1): data for name, data in GOOD.items()}
    file, out = write_zip(tmp_path / "a.zip", content | more), tmp_path / "new" / "data"
    status, printed, _ = run("get", "gue", f"file={file}", f"out={out}")
    assert status == 0
    assert files_below(out) == GOOD
    assert f"gue: 1 of 28 data sets written to {out}/GUE, 0 were there" in printed
    assert "the archive has nothing of core_all, " in printed
    # Again: nothing to do; then with one file lost, which alone is written.
    assert "gue: 0 of 28 data sets written" in run("get", "gue", f"file={file}", f"out={out}")[1]
    (out / "GUE" / TATA / "dev.csv").unlink()
    before = (out / "GUE" / TATA / "train.csv").stat().st_mtime_ns
    assert "gue: 1 of 28 data sets written" in run("get", "gue", f"file={file}", f"out={out}")[1]
    assert files_below(out) == GOOD
    assert (out / "GUE" / TATA / "train.csv").stat().st_mtime_ns == before


def test_the_real_files(run: Run, shared_dir: Path, tmp_path: Path) -> None:
    gue = shared_dir / "data" / "GUE"
    datasets = ("mouse/2", "prom/prom_300_tata", "EMP/H3")  # H3 has no train.csv
    content = {
        f"GUE/{path.relative_to(gue)}": path.read_bytes()
        for dataset in datasets
        for path in (gue / dataset).glob("*.csv")
    }
    file = write_zip(tmp_path / "GUE.zip", content)
    status, printed, err = run("get", "gue", f"file={file}", f"out={tmp_path / 'data'}")
    assert status == 2
    assert "task h3: incomplete, there is no train.csv; left out" in err
    assert "gue: 2 of 28 data sets written" in printed
    whole = {name: data for name, data in content.items() if "/H3/" not in name}
    assert files_below(tmp_path / "data") == whole
    assert run("check", "task=mouse_2", f"data_dir={tmp_path / 'data'}")[0] == 0


def test_nothing_is_overwritten(run: Run, tmp_path: Path) -> None:
    file, out = write_zip(tmp_path / "a.zip", GOOD), tmp_path / "data"
    own = out / "GUE" / TATA / "test.csv"
    own.parent.mkdir(parents=True)
    own.write_bytes(table("test", 3))
    status, _, err = run("get", "gue", f"file={file}", f"out={out}")
    assert status == 2
    assert f"{own} has other content than what was fetched, and nothing is overwritten" in err
    assert files_below(out) == {f"GUE/{TATA}/test.csv": table("test", 3)}


WRONG_ROWS = {
    "letter": (b"ACGT", b"AXGT", "train.csv line 2: letter 'X'"),
    "short": (b"ACGT", b"A", "bp, task.length_bp says 70"),
    "label": (b",1\n", b",7\n", "label '7' is not 0 or 1"),
    "cut off": (b",1\n", b"", "the header has 2"),
}


@pytest.mark.parametrize("name", WRONG_ROWS)
def test_wrong_data_do_not_appear(run: Run, tmp_path: Path, name: str) -> None:
    old, new, message = WRONG_ROWS[name]
    good = b"sequence,label\n" + b"ACGT" * 17 + b"AC,0\n" + b"CCGT" * 17 + b"AC,1\n"
    files = GOOD | {f"GUE/{TATA}/train.csv": good.replace(old, new, 1)}
    # Another data set of the same archive is right.
    files |= {n.replace(TATA, "mouse/1"): data for n, data in GOOD.items()}
    file = write_zip(tmp_path / "a.zip", files)
    status, printed, err = run("get", "gue", f"file={file}", f"out={tmp_path / 'data'}")
    assert status == 2
    assert message in err
    assert ".dnaft-get" not in err
    assert "gue: 1 of 28 data sets written" in printed
    assert {Path(n).parts[1] for n in files_below(tmp_path / "data")} == {"mouse"}


def damage(path: Path) -> None:
    """Turn bits of the last member's content round; its name and sizes stay."""
    with zipfile.ZipFile(path) as archive:
        last = archive.infolist()[-1]
    content = bytearray(path.read_bytes())
    start = last.header_offset + 30 + len(last.filename)
    content[start + 5] ^= 0xFF
    path.write_bytes(content)


def test_a_damaged_member(run: Run, tmp_path: Path) -> None:
    file = write_zip(tmp_path / "a.zip", GOOD)
    damage(file)
    (tmp_path / "data" / ".dnaft-get" / "GUE").mkdir(parents=True)  # of a run that was killed
    status, _, err = run("get", "gue", f"file={file}", f"out={tmp_path / 'data'}")
    assert status == 2
    assert "is no zip archive that can be read" in err
    assert list((tmp_path / "data").iterdir()) == []


def hostile(kind: str) -> tuple[zipfile.ZipInfo, bytes]:
    names = {
        "parent": f"GUE/../../{TATA}/train.csv",
        "absolute": f"/tmp/{TATA}/train.csv",
        "backslash": f"GUE\\..\\..\\{TATA}\\train.csv",
        "drive": f"C:\\{TATA}\\train.csv",
    }
    info = zipfile.ZipInfo(names.get(kind, f"GUE/{TATA}/train.csv"))
    info.compress_type = zipfile.ZIP_DEFLATED
    if kind == "link":
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        return info, b"/etc/passwd"
    return info, b"\0" * (20 * 2**20) if kind == "bomb" else table("train")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("parent", "a name that leads out of the folder"),
        ("absolute", "a name that leads out of the folder"),
        ("backslash", "a name that leads out of the folder"),
        ("drive", "a name that leads out of the folder"),
        ("link", "holds the link"),
        ("bomb", "would be 20,971,520 bytes"),
    ],
)
def test_hostile_archives(run: Run, tmp_path: Path, kind: str, message: str) -> None:
    file = tmp_path / "in" / "a.zip"
    file.parent.mkdir()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(*hostile(kind))
    before = sorted(tmp_path.rglob("*"))
    status, _, err = run("get", "gue", f"file={file}", f"out={tmp_path / 'data'}")
    assert status == 2
    assert message in err
    assert sorted(tmp_path.rglob("*")) == before


PARTS = st.lists(
    st.sampled_from(["..", ".", "", "GUE", "prom", "prom_core_tata", "train.csv", "C:", "a b"]),
    min_size=1,
    max_size=7,
)


@given(parts=PARTS, separator=st.sampled_from(["/", "\\"]))
def test_no_name_leads_out(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str], separator: str
) -> None:
    name = separator.join(parts)
    if not name.strip("/"):
        return
    file = write_zip(tmp_path_factory.mktemp("zip") / "a.zip", {name: b"x"})
    wanted = {PurePosixPath(TATA) / "train.csv": "wanted"}
    if ".." in parts or name.startswith(("/", "\\")):
        with pytest.raises(InputError, match="leads out of the folder"):
            Archive(file)
        return
    try:
        found = Archive(file).find(wanted)
    except InputError:
        assert next(part for part in parts if part not in ("", ".")) == "C:"
        return
    plain = [part for part in parts if part not in ("", ".")]
    assert bool(found) == (plain[-3:] == ["prom", "prom_core_tata", "train.csv"])


def test_archives_that_cannot_be_meant(run: Run, tmp_path: Path) -> None:
    out = f"out={tmp_path / 'data'}"
    text = tmp_path / "a.csv"
    text.write_text("sequence,label\n")
    empty = write_zip(tmp_path / "empty.zip", {"notes.txt": b"x"})
    twice = write_zip(tmp_path / "twice.zip", GOOD | {f"old/{TATA}/dev.csv": table("dev")})
    cut = tmp_path / "cut.zip"
    cut.write_bytes(write_zip(tmp_path / "whole.zip", GOOD).read_bytes()[:-30])
    for file, message in (
        (text, "is no zip archive that can be read"),
        (cut, "is no zip archive that can be read"),
        (tmp_path, "is a folder"),
        (tmp_path / "none.zip", "there is no"),
        (empty, "holds no file such as prom/prom_core_all/train.csv"),
        (twice, "the same data set twice"),
    ):
        status, _, err = run("get", "gue", f"file={file}", out)
        assert (status, message in err) == (2, True), (file, err)
    assert not (tmp_path / "data").exists()
    assert "get: say what: gue, nt, nt_revised" in run("get")[2]
    assert "did you mean gue?" in run("get", "geu")[2]
    (tmp_path / "blocked").write_text("")
    status, _, err = run("get", "gue", f"file={tmp_path / 'whole.zip'}", f"out={text}/x")
    assert (status, "out: cannot write to" in err) == (2, True)


COMMANDS = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
from dnaft.data_tools import main

answers = []
for typed in json.loads(sys.argv[1]):
    sys.argv = ["dnaft.data", *typed]
    out, err, status = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            status = end.code or 0
    answers.append([status, out.getvalue(), err.getvalue()])
print(json.dumps(answers))
"""


def in_process(commands: list[list[str]], home: Path, **environment: str) -> list[list[str]]:
    """Run commands in a process of their own: the hub's client reads its environment once."""
    cleared = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(commands)],
        env=cleared | {"HF_HOME": str(home)} | environment,
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=250,
        check=True,
    )
    answers: list[list[str]] = json.loads(done.stdout.splitlines()[-1])
    return answers


def parquet(rows: list[tuple[str, int]]) -> bytes:
    file = io.BytesIO()
    columns = {"sequence": [s for s, _ in rows], "label": [y for _, y in rows]}
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file.getvalue()


def test_from_the_hub(tmp_path: Path) -> None:
    gue = "datasets/leannmlindsey/GUE/resolve"
    revised = (
        "datasets/InstaDeepAI/nucleotide_transformer_downstream_tasks_revised/resolve/main/H2AFZ"
    )
    rows = {split: [(f"ACG{x}", 0), (f"TTG{x}", 1)] for split, x in zip(SPLITS, "ACG", strict=True)}
    long = [("ACGT" * (i + 1), i % 2) for i in range(20)]
    files = {f"{gue}/main/GUE/prom_core_tata/{split}.csv": table(split) for split in SPLITS}
    for split in SPLITS:
        name = f"{gue}/refs%2Fconvert%2Fparquet/mouse_1/{split}/0000.parquet"
        files[name] = parquet(rows[split])
    files[f"{revised}/train.parquet"] = parquet(long)
    files[f"{revised}/test.fna"] = b">a|0\nGGGG\n>b|1\nCCCC\n"
    out = tmp_path / "data"
    gets = [["get", "gue", f"out={out}"], ["get", "nt_revised", f"out={out}"]]
    with serve(files) as endpoint:
        first, second = in_process(gets, tmp_path / "home", HF_ENDPOINT=endpoint)
    assert first[0] == second[0] == 2  # this hub has three data sets only
    assert "gue: 2 of 28 data sets written" in first[1]
    assert "data set leannmlindsey/GUE has no" in first[2]
    assert "nt_revised: 1 of 18 data sets written" in second[1]
    found = files_below(out)
    nt = "nucleotide_transformer_downstream_tasks_revised/H2AFZ"
    assert found.pop(f"{nt}/test.fna") == files[f"{revised}/test.fna"]
    lines = found.pop(f"{nt}/train.fna").decode().split("\n")[:-1]
    assert lines[1::2] == [s for s, _ in long]
    assert [line.split("|")[1] for line in lines[::2]] == [str(y) for _, y in long]
    for split in SPLITS:
        text = "\n".join(["sequence,label", *(f"{s},{y}" for s, y in rows[split]), ""])
        assert found.pop(f"GUE/mouse/1/{split}.csv").decode() == text
    assert found == GOOD
    # Without a network: what is there is told, and the first data set that is not ends it.
    offline = [gets[0], *(["check", "gue", f"data_dir={folder}"] for folder in (out, tmp_path))]
    again, check, cached = in_process(offline, tmp_path / "home", HF_HUB_OFFLINE="1")
    assert again[0] == 2
    assert again[2].count("HF_HUB_OFFLINE forbids") == 1
    assert check[0] == 0
    assert "2 of 28 tasks of gue are here" in check[1]
    assert "2 of 28 tasks of gue are here" in cached[1]  # in the hub's cache
    assert not (out / ".dnaft-get").exists()
    assert not (out / ".dnaft-get.lock").exists()


def test_no_hub(tmp_path: Path) -> None:
    commands = [["get", "nt", f"out={tmp_path / 'data'}"]]
    (answer,) = in_process(commands, tmp_path / "home", HF_ENDPOINT="http://127.0.0.1:9")
    assert answer[0] == 2
    assert answer[2].count("no answer from http://127.0.0.1:9") == 1
    assert list((tmp_path / "data").iterdir()) == []
