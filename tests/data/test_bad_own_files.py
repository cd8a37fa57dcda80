"""Damaged and wrong files of a user: one line that says where, status 2, no cache begun."""

import bz2
import contextlib
import gzip
import json
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dnaft.data.bed_files import BedFiles
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.fasta_files import FastaFiles
from dnaft.data.split_rule import SplitRule
from dnaft.data.table_files import TableFiles
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.exit_status import exit_status
from dnaft.tokenizers.kmer import KmerTokenizer

Files = dict[str, bytes | str]

RANDOM = SplitRule("random", dev_fraction=0.25, test_fraction=0.25)
BASES = ["ACGTACGTAC", "CCGTACGTAC", "GGGTACGTAC", "TTGTACGTAC"]
BASES += ["AAGTACGTAA", "CAGTACGTAA", "GAGTACGTAA", "TAGTACGTAA"]


def parquet(columns: dict[str, list[Any]]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def jsonl(*more: str) -> str:
    rows = [json.dumps({"sequence": s, "label": i % 2}) for i, s in enumerate(BASES)]
    return "\n".join([*rows, *more, ""])


def table(*more: str, header: str = "sequence\tlabel") -> str:
    return "\n".join([header, *(f"{s}\t{i % 2}" for i, s in enumerate(BASES)), *more, ""])


def fasta(*more: str, header: str = ">r{i}|{y}") -> str:
    rows = [f"{header.format(i=i, y=i % 2)}\n{s}" for i, s in enumerate(BASES)]
    return "\n".join([*rows, *more, ""])


GENOME = ">chr1\n" + "ACGTTGCA" * 20 + "\n>chr2\n" + "GGCATTAC" * 10 + "\n"


def bed(*more: str) -> str:
    rows = [f"chr1\t{9 * i}\t{9 * i + 12}\t{i % 2}" for i in range(8)]
    return "\n".join([*rows, *more, ""])


def of_table(name: str, content: bytes | str, **options: Any) -> tuple[Files, Any]:
    return {name: content}, lambda f: TableFiles(file=str(f / name), split=RANDOM, **options)


def of_fasta(
    content: bytes | str, name: str = "a.fa", more: Files | None = None, **options: Any
) -> tuple[Files, Any]:
    def source(folder: Path) -> FastaFiles:
        named = {
            k: str(folder / v) for k, v in options.items() if k in ("label_table", "background")
        }
        return FastaFiles(file=str(folder / name), split=RANDOM, **{**options, **named})

    return {name: content, **(more or {})}, source


def of_bed(
    content: bytes | str, genome: bytes | str = GENOME, name: str = "g.fa", **options: Any
) -> tuple[Files, Any]:
    defaults = {"label_columns": ("name",), "split": RANDOM}
    return {"a.bed": content, name: genome}, lambda f: BedFiles(
        genome=str(f / name), file=str(f / "a.bed"), **{**defaults, **options}
    )


IDS = {"label_table": "y.tsv", "id_column": "id"}
YS = "\n".join(["id\tlabel", *(f"r{i}\t{i % 2}" for i in range(8)), ""])
HUGE = "[" * 100_000

# name: (files and source, the place that the message names, what it says)
BAD: dict[str, tuple[tuple[Files, Callable[[Path], Any]], str, str]] = {
    # packed files
    "zip": (of_table("a.csv", b"PK\x03\x04rest"), "a.csv", "a zip archive or an Excel workbook"),
    "bzip2": (of_table("a.csv", bz2.compress(b"x" * 50)), "a.csv", "packed by bzip2"),
    "xz": (of_fasta(lzma.compress(b"x" * 50)), "a.fa", "packed by xz"),
    "zstd": (of_bed(b"\x28\xb5\x2f\xfd" + b"x" * 9), "a.bed", "packed by zstd"),
    "gzip_cut": (of_table("a.tsv.gz", gzip.compress(table().encode())[:-9]), "a.tsv.gz", "damaged"),
    "gzip_crc": (
        of_table("a.tsv.gz", gzip.compress(table().encode())[:-8] + b"12345678"),
        "a.tsv.gz",
        "damaged gzip file",
    ),
    "gzip_genome": (
        of_bed(bed(), gzip.compress(GENOME.encode())[:40]),
        "g.fa",
        "damaged gzip file",
    ),
    "zlib_behind_magic": (of_fasta(b"\x1f\x8b" + zlib.compress(b"x")), "a.fa", "damaged gzip"),
    "missing": (({}, of_table("a.csv", "")[1]), "a.csv", "no such file; check the path"),
    "utf16": (of_table("a.tsv", table().encode("utf-16")), "a.tsv line 1", "is not UTF-8 text"),
    "latin1": (of_table("a.tsv", table("ACGé\t1").encode("latin-1")), "line 10", "byte 0xe9"),
    # tables
    "empty_table": (of_table("a.csv", ""), "a.csv", "the file is empty"),
    "no_rows": (of_table("a.tsv", "sequence\tlabel\n"), "a.tsv", "the file holds no sequences"),
    "parquet_as_csv": (of_table("a.csv", parquet({"a": [1]})), "a.csv", "this is a parquet file"),
    "fasta_as_table": (of_table("a.fasta", fasta()), "a.fasta", "choose task=fasta"),
    "bed_as_table": (of_table("a.bed.gz", ""), "a.bed.gz", "choose task=bed"),
    "json_document": (of_table("a.json", "[]"), "a.json", "write one object a line"),
    "ragged": (of_table("a.tsv", table("ACGT")), "a.tsv line 10", "1 columns, the header has 2"),
    "empty_species": (
        of_table(
            "a.tsv",
            table("ACGT\t1\t", header="sequence\tlabel\tspecies")
            .replace("C\t1\n", "C\t1\tx\n")
            .replace("C\t0\n", "C\t0\tx\n")
            .replace("A\t1\n", "A\t1\tx\n")
            .replace("A\t0\n", "A\t0\tx\n"),
            species_column="species",
        ),
        "line 10",
        "the species is empty",
    ),
    "separator_of_parquet": (
        of_table("a.parquet", parquet({"a": [1]}), separator=";"),
        "a.parquet",
        "task.source.separator is for delimited files",
    ),
    "names_of_jsonl": (
        of_table("a.jsonl", jsonl(), column_names=("a",)),
        "a.jsonl",
        "task.source.column_names is",
    ),
    "too_few_names": (
        of_table("a.tsv", table(), column_names=("sequence", "label", "x")),
        "a.tsv line 1",
        "2 columns, the header has 3",
    ),
    # JSON lines
    "json_cut": (of_table("a.jsonl", jsonl('{"sequence": "AC')), "a.jsonl line 9", "not JSON"),
    "json_list": (of_table("a.jsonl", jsonl('["ACGT", 1]')), "line 9", "a JSON list instead of an"),
    "json_number": (of_table("a.jsonl", jsonl("3")), "a.jsonl line 9", "instead of an object"),
    "json_key": (of_table("a.jsonl", jsonl('{"seq": "A"}')), "line 9", "no key 'sequence'; there"),
    "json_no_key": (
        of_table("a.jsonl", jsonl("{}")),
        "line 9",
        "no key 'sequence'; there are none",
    ),
    "json_null": (
        of_table("a.jsonl", jsonl('{"sequence": null, "label": 1}')),
        "line 9",
        "sequence is empty",
    ),
    "json_null_label": (
        of_table("a.jsonl", jsonl('{"sequence": "ACGT", "label": null}')),
        "line 9",
        "label ''",
    ),
    "json_nan": (
        of_table("a.jsonl", jsonl('{"sequence": "ACGT", "label": NaN}')),
        "line 9",
        "label 'NaN'",
    ),
    "json_nested": (
        of_table("a.jsonl", jsonl('{"sequence": ["ACGT"], "label": 1}')),
        "line 9",
        "key 'sequence' holds list ['ACGT'] instead of a single value",
    ),
    "json_twice": (
        of_table("a.jsonl", jsonl('{"sequence": "A", "label": 1, "label": 0}')),
        "line 9",
        "key 'label' comes twice",
    ),
    "json_deep": (of_table("a.jsonl", jsonl(HUGE)), "a.jsonl line 9", "nested too deep"),
    "json_surrogate": (
        of_table("a.jsonl", jsonl('{"sequence": "AC\\ud800", "label": 1}')),
        "line 9",
        "letter '\\ud800' at position 3",
    ),
    "json_pretty": (
        of_table("a.jsonl", json.dumps({"sequence": "ACGT"}, indent=1)),
        "line 1",
        "not JSON",
    ),
    # parquet
    "parquet_empty": (of_table("a.parquet", b""), "a.parquet", "not a parquet file"),
    "parquet_cut": (of_table("a.parquet", parquet({"a": [1]})[:-5]), "a.parquet", "not a parquet"),
    "parquet_text": (of_table("a.parquet", table()), "a.parquet", "not a parquet file"),
    "parquet_column": (
        of_table("a.parquet", parquet({"dna": BASES})),
        "a.parquet",
        "no column 'sequence'",
    ),
    "parquet_list": (
        of_table("a.parquet", parquet({"sequence": [BASES], "label": [1]})),
        "a.parquet row 1",
        "column 'sequence' holds list",
    ),
    "parquet_letter": (
        of_table("a.parquet", parquet({"sequence": ["ACGT", "AC-T"], "label": [0, 1]})),
        "a.parquet row 2",
        "letter '-' at position 3",
    ),
    "parquet_null": (
        of_table("a.parquet", parquet({"sequence": ["ACGT", None], "label": [0, 1]})),
        "a.parquet row 2",
        "the sequence is empty",
    ),
    "parquet_no_rows": (
        of_table("a.parquet", parquet({"sequence": [], "label": []})),
        "a.parquet",
        "no sequences",
    ),
    # FASTA
    "fasta_empty": (of_fasta(""), "a.fa", "the file holds no sequences"),
    "fasta_no_header": (of_fasta("\nACGT\n"), "a.fa line 2", "a sequence without a header"),
    "fasta_no_label": (of_fasta(fasta(">last", "ACGT")), "a.fa line 17", "header '>last' holds no"),
    "fasta_no_sequence": (of_fasta(fasta(">last|1")), "a.fa line 17", "the sequence is empty"),
    "fasta_protein": (
        of_fasta(fasta(">p|1", "ACGT", "MKV*")),
        "line 17",
        "letter 'M' at position 5",
    ),
    "fasta_gap": (of_fasta(fasta(">p|1", "AC--GT")), "line 17", "letter '-' at position 3"),
    "fasta_latin1": (of_fasta(fasta(">p\xe9|1", "A").encode("latin-1")), "line 17", "byte 0xe9"),
    "fasta_pattern": (
        of_fasta(fasta(">x|0 more", "A"), header_pattern=r"\w+\|(?P<label>\d)"),
        "a.fa line 17",
        "does not fit task.source.header_pattern",
    ),
    "fasta_fastq": (of_fasta("@r1\nACGT\n+\nIIII\n"), "a.fa line 1", "a sequence without a header"),
    "table_without_row": (
        of_fasta(fasta(">r9", "ACGT", header=">r{i}"), more={"y.tsv": YS}, **IDS),
        "a.fa line 17",
        "y.tsv has no row for the sequence 'r9'; there are r0, r1",
    ),
    "table_without_rows": (
        of_fasta(fasta(header=">r{i}"), more={"y.tsv": "id\tlabel\n"}, **IDS),
        "a.fa line 1",
        "it has no rows at all",
    ),
    "table_row_twice": (
        of_fasta(fasta(header=">r{i}"), more={"y.tsv": YS + "r3\t1\n"}, **IDS),
        "y.tsv line 10",
        "'r3' stands in line 5, too",
    ),
    "table_without_name": (
        of_fasta(fasta(header=">r{i}"), more={"y.tsv": YS + " \t1\n"}, **IDS),
        "y.tsv line 10",
        "the name in 'id' is empty",
    ),
    "table_without_column": (
        of_fasta(fasta(header=">r{i}"), more={"y.tsv": YS.replace("label", "y")}, **IDS),
        "y.tsv line 1",
        "no column 'label'",
    ),
    "name_twice": (
        of_fasta(fasta(">r3", "ACGT", header=">r{i}"), more={"y.tsv": YS}, **IDS),
        "a.fa line 17",
        "a second sequence is named 'r3', the first in line 7",
    ),
    "no_name": (
        of_fasta(fasta(">", "ACGT", header=">r{i}"), more={"y.tsv": YS}, **IDS),
        "a.fa line 17",
        "holds no name",
    ),
    "empty_background": (
        of_fasta(fasta(), more={"b.fa": ""}, background="b.fa", label_columns=()),
        "b.fa",
        "the file holds no sequences",
    ),
    # BED
    "bed_empty": (of_bed("# nothing\n\ntrack x\n"), "a.bed", "the file holds no intervals"),
    "bed_two_columns": (of_bed("chr1\t5\n"), "a.bed line 1", "2 columns; a line of a BED file is"),
    "bed_header": (of_bed("chrom\tstart\tend\tname\n"), "line 1", "a header line begins with #"),
    "bed_ragged": (of_bed(bed("chr1\t1\t4")), "line 9", "3 columns, the first interval has 4"),
    "bed_negative": (of_bed(bed("chr1\t-1\t4\t0")), "a.bed line 9", "start '-1' is not a whole"),
    "bed_fraction": (of_bed(bed("chr1\t1\t4.5\t0")), "a.bed line 9", "end '4.5' is not a whole"),
    "bed_commas": (of_bed(bed("chr1\t1\t1,000\t0")), "a.bed line 9", "end '1,000' is not"),
    "bed_exponent": (of_bed(bed("chr1\t1\t1e2\t0")), "a.bed line 9", "end '1e2' is not"),
    "bed_digits": (of_bed(bed("chr1\t1\t" + "9" * 5000 + "\t0")), "line 9", "is not a whole"),
    "bed_backwards": (of_bed(bed("chr1\t9\t4\t0")), "line 9", "ends at 4 and starts at 9"),
    "bed_nothing": (of_bed(bed("chr1\t4\t4\t0")), "line 9", "ends at 4 and starts at 4"),
    "bed_strand": (
        of_bed(bed().replace("\n", "\tx\t+\n") + "chr1\t1\t4\t0\tx\t?\n"),
        "a.bed line 9",
        "strand '?' is none of + - .",
    ),
    "bed_no_strand": (of_bed(bed(), stranded=True), "a.bed", "no interval has a strand"),
    "bed_no_column": (of_bed(bed(), label_columns=("score",)), "line 1", "no column 'score'"),
    "bed_names": (
        of_bed(bed(), column_names=("chrom", "start", "end")),
        "line 1",
        "column_names has 3",
    ),
    "bed_label": (of_bed(bed("chr1\t1\t4\tpeak")), "a.bed line 9", "label 'peak' is not 0 or 1"),
    "bed_chromosome": (of_bed(bed("1\t1\t4\t0")), "line 9", "g.fa has no sequence '1'; there are"),
    "bed_near": (of_bed(bed("Chr2\t1\t4\t0")), "line 9", "'Chr2'; did you mean chr2?"),
    "bed_over_the_end": (
        of_bed(bed("chr2\t70\t99\t0")),
        "line 9",
        "reaches over the end of chr2, which has 80 bp",
    ),
    "bed_window": (
        of_bed(bed(), window_bp=60),
        "a.bed line 1",
        "the window -24 to 36 reaches over the end",
    ),
    "genome_missing": (({"a.bed": bed()}, of_bed("")[1]), "g.fa", "no such file; check the path"),
    "genome_twice": (of_bed(bed(), GENOME + ">chr1\nAC\n"), "g.fa", "a second sequence is named"),
    "genome_text": (of_bed(bed(), "hello\n"), "g.fa", "neither FASTA (starts with >) nor GenBank"),
    "genome_protein": (of_bed(bed(), GENOME + ">p\nMKVE\n"), "g.fa", "has 'E' at base 4"),
    "genome_empty_chromosome": (of_bed(bed(), GENOME + ">p\n"), "g.fa", "sequence p is empty"),
    "genome_genbank": (of_bed(bed(), "LOCUS one\nORIGIN\n 1 acgt\n"), "g.fa", "get a whole copy"),
    "genome_ambiguous": (
        of_bed(bed(), GENOME.replace("ACGTTGCA", "ACGTTGCR", 1)),
        "a.bed line 1",
        "letter 'R' at",
    ),
    # what all have in common
    "too_short": (
        of_table("a.tsv", table("AC\t1")),
        "a.tsv line 10",
        "2 bp, the tokenizer needs 3",
    ),
    "too_few": (
        of_table("a.tsv", "sequence\tlabel\nACGTA\t0\nACGTC\t1\n"),
        "a.tsv",
        "cannot be parted with",
    ),
    "one_class": (
        of_table("a.tsv", table().replace("\t1\n", "\t0\n")),
        "a.tsv",
        "no training row has label 1",
    ),
}


def test_there_are_many_kinds() -> None:
    assert len(BAD) >= 80


@pytest.mark.parametrize("name", BAD)
def test_bad_file(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files, source), where, what = BAD[name]
    for file, content in files.items():
        (tmp_path / file).write_bytes(content.encode() if isinstance(content, str) else content)
    cache = tmp_path / "cache"
    task = Task("mine", "binary", source(tmp_path))
    data = SequenceDataModule(task, KmerTokenizer(k=3), "", str(cache))
    with pytest.raises(SystemExit) as caught, exit_status():
        data.setup()
    assert caught.value.code == 2
    printed = capsys.readouterr().err
    message = printed.removeprefix("error: ").removesuffix("\n")
    assert "\n" not in message
    assert len(message) < 1000
    file = next(iter(files), where) if where.startswith("line") else where
    assert str(tmp_path / file) in message
    assert where in message
    assert what in message
    assert not cache.exists() or [p for p in cache.rglob("*") if p.is_file()] == []


GOOD: dict[str, tuple[Files, Any]] = {
    "tsv": of_table("a.tsv", table()),
    "tsv.gz": of_table("a.tsv.gz", gzip.compress(table().encode())),
    "jsonl": of_table("a.jsonl", jsonl()),
    "parquet": of_table(
        "a.parquet", parquet({"sequence": BASES, "label": [i % 2 for i in range(8)]})
    ),
    "fasta": of_fasta(fasta()),
    "labels": of_fasta(fasta(header=">r{i}"), more={"y.tsv": YS}, **IDS),
    "bed": of_bed(bed()),
}


@pytest.mark.parametrize("name", GOOD)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_anywhere_is_refused_or_read(name: str, data: st.DataObject, tmp_path: Path) -> None:
    """Bytes changed, cut out or put in, in any of the files: never another error than ours."""
    files, source = GOOD[name]
    damaged = data.draw(st.sampled_from(sorted(files)))
    for file, text in files.items():
        content = text.encode() if isinstance(text, str) else text
        if file == damaged:
            begin = data.draw(st.integers(0, len(content)))
            end = data.draw(st.integers(begin, min(len(content), begin + 30)))
            inserted = data.draw(
                st.binary(max_size=6) | st.sampled_from([b"\n", b"\t", b"\r", b">"])
            )
            content = content[:begin] + inserted + content[end:]
        (tmp_path / file).write_bytes(content)
    with contextlib.suppress(InputError):
        tables = Task("mine", "binary", source(tmp_path)).load("")
        assert all(set(s) <= set("ACGTN") for t in tables.values() for s in t.sequences)
