"""Architectures that transformers lacks, or has only as code of the hub."""

from functools import cache

# model_type of each, as a model yaml names it in `architecture`.
NATIVE = ("dnabert2",)


@cache
def register() -> None:
    """Tell transformers' Auto classes of them; the second call does nothing."""
    from transformers import (
        AutoConfig,
        AutoModel,
        AutoModelForMaskedLM,
        AutoModelForSequenceClassification,
        WeightConverter,
    )
    from transformers.conversion_mapping import register_checkpoint_conversion_mapping
    from transformers.core_model_loading import Chunk

    from dnaft.models.native import dnabert2, dnabert2_heads

    AutoConfig.register("dnabert2", dnabert2.Dnabert2Config)
    AutoModel.register(dnabert2.Dnabert2Config, dnabert2.Dnabert2Model)
    AutoModelForMaskedLM.register(dnabert2.Dnabert2Config, dnabert2_heads.Dnabert2ForMaskedLM)
    AutoModelForSequenceClassification.register(
        dnabert2.Dnabert2Config, dnabert2_heads.Dnabert2ForSequenceClassification
    )
    # Checkpoints are read and written with q, k and v in one matrix, as they are published.
    fused = "attention.self.Wqkv"
    register_checkpoint_conversion_mapping(
        "dnabert2",
        [
            WeightConverter(
                f"{fused}.{kind}", [f"{fused}.{part}.{kind}" for part in "qkv"], [Chunk(dim=0)]
            )
            for kind in ("weight", "bias")
        ],
    )
