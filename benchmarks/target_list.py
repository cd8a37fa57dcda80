"""What dnaft aims at against the usual stack, where it is measured, and what stands in the way."""

from targets import Cell, Target

TRAINING, EVALUATION, MEMORY = (
    "HF / dnaft, training",
    "HF / dnaft, evaluation",
    "dnaft / HF, memory",
)
_SIZES = {"width 256": "", "OPT-125M's shape": "opt_"}
_NAMES = {"lora": "LoRA", "adalora_rs": "AdaLoRA+RS", "dora": "DoRA"}


def _hf(kind: str, column: str, *methods: str, sizes: dict[str, str] = _SIZES) -> list[Cell]:
    """Return the cells of hf_trainer.py for methods and sizes."""
    return [
        Cell(f"{_NAMES[method]}, {size}", f"hf_{prefix}{kind}", (f"`{method}`",), column)
        for method in methods
        for size, prefix in sizes.items()
    ]


def _frozen(top: str, run: str) -> list[Cell]:
    """Return the cells of frozen_cache.py in both sizes."""
    sizes = {"width 192": (8, "frozen"), "width 384": (8, "frozen_large")}
    return [
        Cell(size, name, (top.format(layers=layers), run), "Trainer / run")
        for size, (layers, name) in sizes.items()
    ]


TARGETS = [
    Target(
        "training, both in float32",
        1.5,
        _hf("float32", TRAINING, "lora", "adalora_rs"),
        "most of a step are products with frozen matrices, the same on both sides (see the "
        "profile); dropout, the adapters' own passes, casts and the loop around them are what can "
        "be saved",
    ),
    Target(
        "training, ours in its default precision, HF's in float32",
        3,
        _hf("defaults", TRAINING, "lora", "adalora_rs"),
        "products in bfloat16 are faster than in float32 by what the table of products says, in "
        "narrow layers by less, and all else is not",
    ),
    Target(
        "training, both in bfloat16",
        1.8,
        _hf("bf16", TRAINING, "lora", "adalora_rs"),
        "one over the share of products in HF's step (see the profile) would be reached if all "
        "else took no time; dnaft saves torch's attention going back and half of dropout, the "
        "other masks, OPT's own dropout, norms, casts and the optimiser stay",
    ),
    Target(
        "training, DoRA in float32",
        2,
        [
            *_hf("float32", TRAINING, "dora"),
            *(
                Cell(f"{c.of}, no dropout", c.benchmark, c.row, c.column)
                for c in _hf("plain_dora", TRAINING, "dora")
            ),
        ],
        "without dropout PEFT computes the products of the frozen matrix once, too",
    ),
    Target(
        "linear probe, 5 epochs, first run",
        4.5,
        _frozen("linear probe", "first run"),
        "of n rows, and an eighth as many for dev and for test, Trainer reads 5.75 n, a run with "
        "the cache 1.25 n: no more than 4.6, less what every run has of its own",
    ),
    Target(
        "linear probe, another seed and rate",
        30,
        _frozen("linear probe", "another seed and rate"),
        "tokens, checkpoints and record of a run take as long for any model",
    ),
    Target(
        "partial fine-tuning of the top quarter, 5 epochs",
        2.5,
        _frozen("top 2 of {layers} layers", "first run"),
        "5 epochs of 8 layers forward and 2 back, which count twice, are 60 passes through a layer "
        "a row; with the cache 6 are read once and 5 times 2 + 2 x 2 stay, 36: no more than 1.67",
    ),
    Target(
        "overlapping 6-mers, in batches",
        200,
        [
            Cell(
                lengths,
                "tokenizers",
                (
                    f"the same in padded batches of 32, {lengths}",
                    "BertTokenizerFast, making of strings included",
                ),
                "time / dnaft",
            )
            for lengths in ("equal lengths", "lengths +- a third")
        ],
        "three quarters of dnaft's time are the batches: rows gathered from one array, ids and "
        "mask widened to int64",
    ),
    Target(
        "rank allocation, share of a step",
        0.5,
        [
            Cell("yeast_mini", "allocation", (), r"step of yeast_mini.*sampler ([\d.]+)%"),
            Cell("OPT-125M's shape", "allocation", (), r"step of opt_125m.*sampler ([\d.]+)%"),
        ],
        "importance reads every weight of the adapters and its gradient once",
        at_most=True,
        unit="%",
    ),
    Target(
        "rank allocation, PEFT's over ours",
        5,
        [
            Cell(f"shapes of {name}", "allocation", (f"`{name}`",), "PEFT / dnaft")
            for name in ("yeast_mini", "opt_125m")
        ],
        "the larger the matrices, the less the number of operations counts, which is what is saved",
    ),
    Target(
        "evaluation, both in float32",
        2,
        _hf("float32", EVALUATION, "lora", "adalora_rs"),
        "nearly all are products with frozen matrices, the same on both sides (see the profile)",
    ),
    Target(
        "evaluation, ours in its default precision, HF's in float32",
        2,
        _hf("defaults", EVALUATION, "lora", "adalora_rs"),
        "products in bfloat16 are faster than in float32 by what the table of products says",
    ),
    Target(
        "peak memory of LoRA",
        0.7,
        [
            Cell("float32", "hf_opt_float32", ("`lora`",), MEMORY),
            Cell("default precision", "hf_opt_defaults", ("`lora`",), MEMORY),
            Cell("bfloat16", "hf_opt_bf16", ("`lora`",), MEMORY),
        ],
        "in float32 the weights, and most that a layer keeps for its backward pass, are the same",
        at_most=True,
    ),
    Target(
        "first step of training, seconds by the clock",
        6,
        [Cell("`yeast_mini`", "startup", ("first step of training",), "clock, s")],
        "imports, see their table below",
        at_most=True,
    ),
    Target(
        "`--help`, seconds by the clock",
        0.6,
        [Cell("`train`", "startup", ("train --help",), "clock, s")],
        "the start of Python",
        at_most=True,
    ),
    Target(
        "sweep of nine, wall time",
        3,
        [
            Cell(f"{rows}, {how}", name, (f"`{side}`",), "hf / side, wall")
            for rows, name in (
                ("64 rows of 60 bp", "together"),
                ("256 of 300 bp", "together_large"),
            )
            for how, side in (("run after run", "dnaft"), ("in one pass", "together"))
        ],
        "a processor that one run keeps busy has no room for nine: imports and tokens are saved, "
        "and the longer the runs the less that is of them",
    ),
]
