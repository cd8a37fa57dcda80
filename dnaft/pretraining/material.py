"""All that a pretraining reads: genome, vocabulary, examples, questions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dnaft.config import build, errors_at
from dnaft.errors import InputError
from dnaft.pretraining.annotated import AnnotatedExamples
from dnaft.pretraining.bpe_pairs import BpePairs
from dnaft.pretraining.dna_tokens import DnaTokens, dna_tokens
from dnaft.pretraining.examples import Examples, GenomeExamples
from dnaft.pretraining.genome import Genome, Split
from dnaft.pretraining.held_out import SEED, HeldOut
from dnaft.pretraining.objectives import Objective, Questions
from dnaft.pretraining.windows import WindowSampler
from dnaft.tokenizers.base import Tokenizer

_SAMPLE = 200  # windows that the tokens of a row are estimated from
_MOST_CUT = 0.05  # share of them that may lose bases


@dataclass(frozen=True, eq=False)
class Material:
    """What is trained and scored on.

    Attributes:
        genome: The genome.
        tokenizer: The vocabulary.
        dna: Its tokens that spell bases.
        pairs: Which of them can stand side by side; None where all are of one length.
        objective: What is asked.
        training: Examples of the training chromosomes.
        questions: What is asked about them.
        held_out: Questions about the dev chromosomes.
        without_annotation: The same, where annotated text does not name regions in front; None
            for plain sequence.
        row_tokens: Tokens of a training example, on average.
    """

    genome: Genome
    tokenizer: Tokenizer
    dna: DnaTokens
    pairs: BpePairs | None
    objective: Objective
    training: Examples
    questions: Questions
    held_out: HeldOut
    without_annotation: HeldOut | None
    row_tokens: float


def prepare_material(config: Mapping[str, Any]) -> Material:
    """Build all of it from a resolved configuration.

    Raises:
        InputError: If a part is wrong, or does not go with the others.
    """
    genome: Genome = build(config["genome"], "genome")
    tokenizer: Tokenizer = build(config["tokenizer"], "tokenizer")
    objective: Objective = build(config["objective"], "objective")
    causal = objective.head == "causal"
    if genome.regions is not None and not causal:
        raise InputError(
            f"objective: {genome.name} is text in which language and DNA follow each other; take "
            "objective=causal, or a genome without annotation"
        )
    pairs = None
    with errors_at("tokenizer"):
        dna = dna_tokens(tokenizer)
        questions = objective.questions(tokenizer, dna, scoring=False)
        scoring = objective.questions(tokenizer, dna, scoring=True)
        if dna.width_bp is None and not causal:
            to_json = getattr(tokenizer, "to_json")  # noqa: B009 - not of every tokenizer
            pairs = BpePairs.read(to_json(), dna)

    def examples(split: Split, behind_fraction: float | None = None) -> Examples:
        return _examples(config, genome, split, tokenizer, dna, behind_fraction)

    def held_out(behind_fraction: float) -> HeldOut:
        return HeldOut(examples("dev", behind_fraction), scoring, dna, causal)

    training = examples("train")
    return Material(
        genome,
        tokenizer,
        dna,
        pairs,
        objective,
        training,
        questions,
        held_out(0.0),
        held_out(1.0) if genome.regions is not None else None,
        _measure_rows(training, config),
    )


def _examples(
    config: Mapping[str, Any],
    genome: Genome,
    split: Split,
    tokenizer: Tokenizer,
    dna: DnaTokens,
    behind_fraction: float | None,
) -> Examples:
    """Return the examples of a split; those held out do not depend on the seed of the run."""
    seed = config["seed"] if split == "train" else SEED
    most = config["model"]["max_tokens"]
    with errors_at("window_bp"):
        sampler = WindowSampler(
            genome, split, config["window_bp"], seed, config["reverse_probability"]
        )
    regions = genome.regions
    if regions is None:
        return GenomeExamples(sampler, tokenizer, dna, most)
    share = regions.behind_fraction if behind_fraction is None else behind_fraction
    with errors_at("tokenizer"):
        return AnnotatedExamples(sampler, regions, tokenizer, dna, most, seed, share)


def _measure_rows(examples: Examples, config: Mapping[str, Any]) -> float:
    """Return the mean tokens of a row; refuse windows that the model has no room for."""
    lengths = examples.lengths(range(_SAMPLE))
    most = config["model"]["max_tokens"]
    if (lengths > most).mean() > _MOST_CUT:
        fitting = int(config["window_bp"] * most / np.quantile(lengths, 1 - _MOST_CUT))
        raise InputError(
            f"window_bp: {config['window_bp']:,} bases are about {lengths.mean():,.0f} tokens, and "
            f"the model takes {most:,} (model.max_tokens); set window_bp={fitting} or less"
        )
    return float(np.minimum(lengths, most).mean())
