"""Architectures that transformers lacks, or has only as code of the hub."""

from functools import cache

# model_type of each, as a model yaml names it in `architecture`.
NATIVE = ("dnabert2", "gena_lm", "hyenadna", "modernbert_split", "nt_v2", "nucleotide_unet")


@cache
def register() -> None:
    """Tell transformers' Auto classes of them; the second call does nothing."""
    from transformers import (
        AutoConfig,
        AutoModel,
        AutoModelForCausalLM,
        AutoModelForMaskedLM,
        AutoModelForSequenceClassification,
    )

    from dnaft.models.native import (
        dnabert2,
        dnabert2_heads,
        gena_lm,
        gena_lm_heads,
        hyenadna,
        hyenadna_heads,
        modernbert,
        nt_v2,
        nt_v2_heads,
        nucleotide_unet,
    )

    for config, model in (
        (dnabert2.Dnabert2Config, dnabert2.Dnabert2Model),
        (gena_lm.GenaLmConfig, gena_lm.GenaLmModel),
        (hyenadna.HyenaDnaConfig, hyenadna.HyenaDnaModel),
        (modernbert.SplitModernBertConfig, modernbert.SplitModernBertModel),
        (nt_v2.NTv2Config, nt_v2.NTv2Model),
        (nucleotide_unet.NucleotideUNetConfig, nucleotide_unet.NucleotideUNetModel),
    ):
        AutoConfig.register(config.model_type, config)
        AutoModel.register(config, model)
    for auto, config, head in (
        (AutoModelForMaskedLM, dnabert2.Dnabert2Config, dnabert2_heads.Dnabert2ForMaskedLM),
        (AutoModelForMaskedLM, gena_lm.GenaLmConfig, gena_lm_heads.GenaLmForMaskedLM),
        (AutoModelForMaskedLM, nt_v2.NTv2Config, nt_v2_heads.NTv2ForMaskedLM),
        (
            AutoModelForMaskedLM,
            nucleotide_unet.NucleotideUNetConfig,
            nucleotide_unet.NucleotideUNetForMaskedLM,
        ),
        (AutoModelForCausalLM, hyenadna.HyenaDnaConfig, hyenadna_heads.HyenaDnaForCausalLM),
        (
            AutoModelForSequenceClassification,
            dnabert2.Dnabert2Config,
            dnabert2_heads.Dnabert2ForSequenceClassification,
        ),
        (
            AutoModelForSequenceClassification,
            nt_v2.NTv2Config,
            nt_v2_heads.NTv2ForSequenceClassification,
        ),
        (
            AutoModelForSequenceClassification,
            hyenadna.HyenaDnaConfig,
            hyenadna_heads.HyenaDnaForSequenceClassification,
        ),
    ):
        auto.register(config, head)
    for model_type, fused in (
        ("dnabert2", "attention.self.Wqkv"),
        ("modernbert_split", "attn.Wqkv"),
        ("hyenadna", "mixer.in_proj"),
    ):
        _store_fused(model_type, fused)


def _store_fused(model_type: str, fused: str) -> None:
    """Read and write checkpoints with q, k and v in one matrix, as they are published."""
    from transformers import WeightConverter
    from transformers.conversion_mapping import register_checkpoint_conversion_mapping
    from transformers.core_model_loading import Chunk

    register_checkpoint_conversion_mapping(
        model_type,
        [
            WeightConverter(
                f"{fused}.{kind}", [f"{fused}.{part}.{kind}" for part in "qkv"], [Chunk(dim=0)]
            )
            for kind in ("weight", "bias")
        ],
    )
