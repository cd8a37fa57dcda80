"""The recipe of a pretraining: genome, vocabulary, model, training, held-out numbers, folder."""

import json
import logging
from pathlib import Path
from typing import Any

import torch
from lightning import Trainer, seed_everything
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import Logger

from dnaft import __version__
from dnaft.config import build
from dnaft.dashboard.show import finish
from dnaft.errors import InputError
from dnaft.loggers import open_loggers
from dnaft.optimization import AdamW
from dnaft.output import set_up_output
from dnaft.precision import choose_precision, device_type
from dnaft.pretrain_outcome import deliver, flatten, report, score_model
from dnaft.pretraining import card
from dnaft.pretraining.earlier import read_earlier, refuse_seen
from dnaft.pretraining.export import ExportSettings
from dnaft.pretraining.genome import SPLITS
from dnaft.pretraining.held_out import HeldOutSettings
from dnaft.pretraining.loader import Batches, BatchLoader
from dnaft.pretraining.material import Material, prepare_material
from dnaft.pretraining.model import language_model
from dnaft.pretraining.pace import Pace, Session
from dnaft.pretraining.plan import Plan, Portions
from dnaft.pretraining.positions import localise_attention
from dnaft.pretraining.pretrainer import Pretrainer
from dnaft.pretraining.spelling import spell_embeddings
from dnaft.pretraining.yardsticks import SAME_TARGETS, Yardsticks, measure_yardsticks
from dnaft.run_folder import CHECKPOINTS, LAST_CHECKPOINT, last_checkpoint

log = logging.getLogger(__name__)

YARDSTICKS = "yardsticks.json"


def pretrain(config: dict[str, Any], folder: Path, choices: dict[str, str]) -> None:
    """Carry out the pretraining that `config` describes and write everything into `folder`.

    Args:
        config: The resolved configuration, plain values.
        folder: The run folder; it exists.
        choices: The name chosen in each configuration group.

    Raises:
        InputError: If the configuration or a file it names is wrong.
    """
    set_up_output()
    seed_everything(config["seed"], workers=True, verbose=False)
    log.info("dnaft %s: pretrain %s on %s", __version__, choices["model"], choices["genome"])
    log.info("run folder: %s", folder)

    plan: Plan = build(config["plan"], "plan")
    settings: HeldOutSettings = build(config["held_out"], "held_out")
    session: Session = build(config["session"], "session")
    optimizer: AdamW = build(config["optimizer"], "optimizer")
    export: ExportSettings = build(config["export"], "export")
    if not config["embedding_rate"] > 0:
        raise InputError(
            f"embedding_rate: is {config['embedding_rate']}, and has to be above 0; "
            "1.0 is the rate of all other weights"
        )
    material = prepare_material(config)
    portions = plan.portions(material.row_tokens)
    model = language_model(
        config["model"], material.objective.head, material.tokenizer, config["seed"]
    )
    if config["model"]["source"] is None:
        begin(model, material, config)
    earlier = read_earlier(config["model"])
    refuse_seen(earlier, material.genome)
    announce(material, model, portions)
    yardsticks = read_or_measure(material, settings.windows, folder)

    def look(module: Pretrainer) -> dict[str, float]:
        score = material.held_out.score(module.model, settings.look_windows or settings.windows)
        return {"nats": score.nats_per_token, "accuracy": score.accuracy}

    pace = Pace(session, folder / CHECKPOINTS / LAST_CHECKPOINT, look, settings.look_steps)
    run_loggers = open_loggers(config, folder, choices)
    trainer = make_trainer(config, folder, run_loggers, pace, portions)
    module = Pretrainer(
        model,
        optimizer,
        portions.steps,
        config["seed"],
        identify(config, material, portions),
        config["embedding_rate"],
    )
    fit(trainer, module, material, portions, config, folder)
    if trainer.is_global_zero:
        held_out = score_model(trainer, model, material, settings, export, yardsticks)
        about = card.describe(config, folder, choices, material, portions, trainer, module, earlier)
        deliver(model, material, export, pace.stopped, folder, about, held_out)
        lines = finish(run_loggers, flatten(held_out), folder)
        report(pace.stopped, trainer.global_step, portions, held_out, folder, lines)


def begin(model: Any, material: Material, config: dict[str, Any]) -> None:
    """Give random weights what is known before training: how tokens are spelt, where to look."""
    masked = not material.held_out.causal
    if config["spelled_embeddings"]:
        spell_embeddings(model, material.dna, config["seed"], sized=masked)
    local = config["local_attention"]
    if local or (local is None and masked and material.dna.overlap_bp > 0):
        by_base = material.dna.stride_bp == 1
        found = localise_attention(model, config["model"]["roles"], codons=by_base)
        if local and not found:
            raise InputError(
                f"local_attention: is true, and {config['model']['name']} has no learnt "
                "positions; leave it out"
            )


def announce(material: Material, model: Any, portions: Portions) -> None:
    """Say what is trained, on what, for how long."""
    summary = material.genome.summary()
    for split in SPLITS:
        names = summary[split]["chromosomes"]
        shown = ", ".join(names[:20]) + (" ..." if len(names) > 20 else "")
        log.info("%s: %s bases in %s", split, f"{summary[split]['bases']:,}", shown or "nothing")
    log.info(
        "%s parameters, %s tokens in the vocabulary; %s steps of %s rows of %.0f tokens",
        f"{sum(p.numel() for p in model.parameters()):,}",
        f"{material.tokenizer.vocab_size:,}",
        f"{portions.steps:,}",
        f"{portions.rows:,}",
        material.row_tokens,
    )


def read_or_measure(material: Material, windows: int, folder: Path) -> Yardsticks:
    """Return what is to be beaten; a session that goes on reads it from the run folder."""
    file = folder / YARDSTICKS
    yardsticks: Yardsticks
    if file.is_file():
        yardsticks = json.loads(file.read_text(encoding="utf-8"))
    else:
        yardsticks = measure_yardsticks(
            material.genome,
            material.training,
            material.held_out,
            material.dna,
            material.pairs,
            windows,
        )
        file.write_text(json.dumps(yardsticks, indent=2) + "\n", encoding="utf-8")
    goals = ", ".join(f"{k} {yardsticks[k]['nats_per_token']:.4f}" for k in SAME_TARGETS)
    log.info("to beat on dev, in nats a token: %s", goals)
    return yardsticks


def make_trainer(
    config: dict[str, Any],
    folder: Path,
    run_loggers: list[Logger],
    pace: Pace,
    portions: Portions,
) -> Trainer:
    """Return Lightning's trainer."""
    device = device_type(config["trainer"].get("accelerator", "auto"))
    precision, reason = choose_precision(config["precision"], device)
    log.info("precision %s: %s", precision, reason)
    trainer: Trainer = build(config["trainer"], "trainer")(
        callbacks=[pace],
        logger=run_loggers,
        default_root_dir=folder,
        precision=precision,
        max_epochs=1,
        max_steps=portions.steps,
        accumulate_grad_batches=portions.micro_batches,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    if portions.rows < portions.micro_batches * trainer.world_size:
        raise InputError(
            f"plan.batch_tokens: a step has {portions.rows} rows, fewer than the "
            f"{trainer.world_size} devices need; raise it"
        )
    return trainer


def identify(config: dict[str, Any], material: Material, portions: Portions) -> dict[str, Any]:
    """Return what must be the same where a checkpoint is continued."""
    genome = material.genome.summary()
    return {
        "genome": genome["sha256"],
        "held-out chromosomes": [genome[split]["chromosomes"] for split in ("dev", "test")],
        "optimizer": json.dumps(config["optimizer"], sort_keys=True),
        "embedding_rate": config["embedding_rate"],
        "tokenizer": material.tokenizer.fingerprint(),
        "objective": json.dumps(config["objective"], sort_keys=True),
        "seed": config["seed"],
        "window_bp": config["window_bp"],
        "reverse_probability": config["reverse_probability"],
        "rows of a step": portions.rows,
        "parts of a step": portions.micro_batches,
        "steps": portions.steps,
    }


def fit(
    trainer: Trainer,
    module: Pretrainer,
    material: Material,
    portions: Portions,
    config: dict[str, Any],
    folder: Path,
) -> None:
    """Train to the end of the plan, or of the session."""
    batches = Batches(
        material.training,
        material.questions,
        portions,
        config["seed"],
        trainer.global_rank,
        trainer.world_size,
    )
    loader = BatchLoader(batches, config["num_workers"], pin_memory=torch.cuda.is_available())
    resume_from = last_checkpoint(folder) if config["resume"] else None
    try:
        trainer.fit(module, loader, ckpt_path=resume_from, weights_only=True)
    except (MisconfigurationException, ValueError) as error:
        if isinstance(error, InputError) or trainer.global_step > 0:
            raise
        # Before the first step it is the trainer that refuses its settings.
        raise InputError(f"trainer: {str(error).strip()}") from error
