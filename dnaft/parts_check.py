"""The parts of a run are built before anything is read: a wrong argument shows at once."""

from pathlib import Path
from typing import Any

from dnaft.config import build
from dnaft.data.task import Task
from dnaft.fine_tune_run import build_callbacks, round_frozen
from dnaft.metrics import default_metric
from dnaft.saved_run import model_node
from dnaft.strategy import build_trainer, check_sharding, count_processes
from dnaft.tokenizers.character import CharacterTokenizer

_NOWHERE = Path("unwritten")  # where callbacks and trainer would write if the run began


def check_parts(config: dict[str, Any], task: Task) -> None:
    """Build all of a run that needs neither rows nor weights.

    Of model, tokenizer, logger, injection and optimiser the names and types of their arguments are
    checked: they are called with what is not there yet.

    Args:
        config: The resolved configuration.
        task: The task.

    Raises:
        InputError: If an argument is unknown, of a wrong type or out of its domain.
    """
    method = config["method"]
    for part in ("baseline", "probe", "inject", "optimizer"):
        build(method[part], f"method.{part}")
    build(config["loss"], "loss")
    build({**config["logger"], "_partial_": True}, "logger")
    if method["baseline"] is not None:
        return
    metric = task.choose_by or default_metric(task.kind)
    callbacks = build_callbacks(config, _NOWHERE, metric, started=0.0)
    if count_processes(config["trainer"]) == 1:
        trainer = build_trainer(
            config["trainer"],
            callbacks=callbacks,
            logger=False,
            default_root_dir=_NOWHERE,
            enable_progress_bar=False,
        )
        wanted = config["fast"]["frozen_bf16"]
        if wanted and trainer.precision != "bf16-mixed":
            nothing: Any = None
            round_frozen(nothing, wanted, trainer)  # refuses before it looks at the model
    else:
        check_sharding(config)
    if "_target_" not in config["model"]:
        return  # what prepares the data says so
    for key, node in (("model", model_node(config)), ("tokenizer", config["tokenizer"])):
        build({**node, "_partial_": True}, key)
    # It looks at its tokenizer when it encodes.
    build(config["data"], "data")(task=task, tokenizer=CharacterTokenizer())
