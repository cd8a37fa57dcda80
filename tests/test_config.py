"""Nodes of the configuration become objects; what is wrong is named by its key."""

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from dnaft import config
from dnaft.config import build, errors_at
from dnaft.errors import InputError
from dnaft.optimization import AdamW

HERE = "dnaft.sample"


@dataclass(frozen=True)
class Inner:
    size: int = 1

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size must be 1 or more, got {self.size}")


@dataclass(frozen=True)
class Sample:
    count: int
    share: float = 0.5
    wanted: bool = False
    name: str = "x"
    kind: Literal["one", "two"] = "one"
    roles: tuple[str, ...] = ()
    pair: tuple[float, float] = (0.0, 1.0)
    rows: dict[str, int] | None = None
    limit: int | None = None
    inner: Inner | None = None


def make(extra: int, rank: int) -> int:
    if rank < 1:
        raise ValueError(f"rank must be 1 or more, got {rank}")
    return extra + rank


@pytest.fixture(autouse=True)
def sample_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `dnaft.sample.X` name the classes of this file."""
    locate = config._locate
    here = {f"{HERE}.{f.__name__}": f for f in (Sample, Inner, make)}
    monkeypatch.setattr(config, "_locate", lambda path, key: here.get(path) or locate(path, key))


def node(**arguments: Any) -> dict[str, Any]:
    return {"_target_": f"{HERE}.Sample", "count": 1} | arguments


def message(wrong: Any) -> str:
    with pytest.raises(InputError) as caught:
        build(wrong, "a.b")
    return str(caught.value)


def test_values_are_converted_to_what_the_signature_says() -> None:
    built = build(node(count="3", share=1, roles=["q", "k"], pair=[0.1, 0.2]), "a")
    assert built == Sample(count=3, share=1.0, roles=("q", "k"), pair=(0.1, 0.2))
    assert isinstance(built.share, float)


def test_children_are_built_first() -> None:
    inner = {"_target_": f"{HERE}.Inner", "size": 4}
    assert build(node(inner=inner), "a").inner == Inner(4)
    assert build({"one": inner, "rest": [inner, 2]}, "a") == {
        "one": Inner(4),
        "rest": [Inner(4), 2],
    }


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"count": "many"}, "a.b.count: got 'many'; needs a whole number"),
        ({"count": 1.5}, "a.b.count: got 1.5; needs a whole number"),
        ({"count": None}, "a.b.count: got None; needs a whole number"),
        ({"count": True}, "a.b.count: got true; needs a number"),
        ({"limit": "x"}, "a.b.limit: got 'x'; needs a whole number or null"),
        ({"share": "half"}, "a.b.share: got 'half'; needs a number"),
        ({"share": False}, "a.b.share: got false; needs a number"),
        ({"wanted": "perhaps"}, "a.b.wanted: got 'perhaps'; needs true or false"),
        ({"name": 3}, "a.b.name: got 3; needs text"),
        ({"kind": "three"}, "a.b.kind: got 'three'; needs one of 'one' or 'two'"),
        ({"roles": "q"}, "a.b.roles: got 'q'; needs a list, for example [a,b]"),
        ({"roles": ["q", 7]}, "a.b.roles[1]: got ['q', 7]; needs text"),
        ({"pair": [0.1]}, "a.b.pair[1]: got [0.1]; needs more values"),
        ({"pair": [1, 2, 3]}, "a.b.pair: got [1, 2, 3]; needs fewer values"),
        ({"rows": [1]}, "a.b.rows: got [1]; needs named values, for example {a: 1} or null"),
        ({"rows": {"train": "x"}}, "a.b.rows: got {'train': 'x'}; needs a whole number or null"),
        ({"cuont": 3}, "a.b.cuont: Sample has no such argument; did you mean count?"),
        ({"zzzzzz": 3}, "a.b.zzzzzz: Sample has no such argument; there are count, share, "),
    ],
)
def test_wrong_arguments_are_named_by_their_key(arguments: dict[str, Any], expected: str) -> None:
    assert message(node(**arguments)).startswith(expected)


def test_missing_argument() -> None:
    wrong = {"_target_": f"{HERE}.Sample"}
    assert message(wrong) == "a.b.count: Sample needs a value; give one with +a.b.count=VALUE"


def test_what_a_constructor_refuses_carries_the_key_of_its_node() -> None:
    wrong = node(inner={"_target_": f"{HERE}.Inner", "size": 0})
    assert message(wrong) == "a.b.inner: size must be 1 or more, got 0"
    assert message([wrong]) == "a.b[0].inner: size must be 1 or more, got 0"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("os.system", "os.system lies outside the allowed packages dnaft, torch, "),
        ("subprocess.run", "outside the allowed packages"),
        ("dnaft_evil.x", "outside the allowed packages"),
        ("dnaft", "there is no class or function dnaft; check the spelling"),
        ("dnaft.nowhere.Thing", "there is no class or function dnaft.nowhere.Thing"),
        ("dnaft.optimization.Adam", "there is no class or function dnaft.optimization.Adam;"),
        ("dnaft.optimization", "there is no class or function dnaft.optimization;"),
        ("dnaft.run_folder.RESULT", "there is no class or function dnaft.run_folder.RESULT"),
        (3, "3 lies outside"),
    ],
)
def test_targets_that_may_not_or_cannot_be_built(target: Any, expected: str) -> None:
    text = message({"_target_": target})
    assert text.startswith("a.b._target_: ")
    assert expected in text


def test_partial_takes_the_rest_later_and_keeps_its_key() -> None:
    wanted = {"_target_": f"{HERE}.make", "_partial_": True, "rank": 2}
    assert build(wanted, "a.b")(40) == 42
    refused = build(wanted | {"rank": -1}, "a.b")
    with pytest.raises(InputError, match=r"^a\.b: rank must be 1 or more, got -1$"):
        refused(40)
    assert message(wanted | {"rnk": 2}).startswith("a.b.rnk: make has no such argument; did you me")
    assert message(wanted | {"rank": "x"}) == "a.b.rank: got 'x'; needs a whole number"


def test_a_real_class_of_this_package() -> None:
    assert build({"_target_": "dnaft.optimization.AdamW", "lr": "1e-3"}, "o") == AdamW(lr=1e-3)
    with pytest.raises(InputError, match=r"^o: lr must be above 0"):
        build({"_target_": "dnaft.optimization.AdamW", "lr": -1}, "o")


def test_lightning_refuses_in_its_own_way() -> None:
    trainer = {"_target_": "lightning.Trainer", "accelerator": "cpu", "logger": False}
    with pytest.raises(InputError, match=r"^t: .*limit_train_batches"):
        build(trainer | {"limit_train_batches": -2}, "t")
    with pytest.raises(InputError, match=r"^t: .*devices"):
        build(trainer | {"devices": "no"}, "t")


def test_errors_at_leaves_messages_with_a_place_and_bugs_alone() -> None:
    with pytest.raises(InputError, match=r"^train\.csv line 3: wrong$"), errors_at("a"):
        raise InputError("train.csv line 3: wrong")
    with pytest.raises(KeyError), errors_at("a"):
        raise KeyError("bug")
    with pytest.raises(TypeError), errors_at("a"):
        raise TypeError("bug")


def test_a_message_is_one_line_of_bearable_length() -> None:
    with pytest.raises(InputError) as caught, errors_at("a"):
        raise ValueError("first line\n" + "more " * 5000)
    assert str(caught.value).startswith("a: first line more")
    assert len(str(caught.value)) < 1000
    assert "\n" not in str(caught.value)
