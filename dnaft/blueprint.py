"""A run's model without its numbers: whether it can be built and adapted, and what a step takes."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from dnaft.config import errors_at
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.task import Task
from dnaft.errors import InputError
from dnaft.fine_tune_run import build_module
from dnaft.models.backbone import Backbone
from dnaft.run import adapt, load_base

# Of activations, a token, a layer and a unit of width: what 24 layers of OPT-350M and of NT-500M
# took in float32. A step keeps a parameter's gradient and AdamW's two means beside it.
_BYTES_OF_ACTIVATIONS, _BYTES_OF_PARAMETER, _BYTES_OF_TRAINING = 80, 4, 12


@dataclass(frozen=True)
class Blueprint:
    """How large a model is.

    Attributes:
        parameters: All of them, the adapter's and the head's included.
        trained: Those that train; all, if that cannot be told without numbers.
        embedded: Those of the input embedding, which multiplies nothing.
        width: Units of all layers together.
    """

    parameters: int
    trained: int
    embedded: int
    width: int

    @property
    def weights(self) -> float:
        """How many bytes the parameters take, in float32."""
        return _BYTES_OF_PARAMETER * self.parameters

    def memory(self, tokens: float) -> float:
        """Return about how many bytes a training step of so many tokens takes, in float32."""
        training = _BYTES_OF_TRAINING * self.trained
        return self.weights + training + _BYTES_OF_ACTIVATIONS * tokens * self.width

    def reading(self, tokens: float) -> float:
        """Return about how many floating-point operations it takes to read so many tokens."""
        return 2 * tokens * (self.parameters - self.embedded)

    def training(self, tokens: float) -> float:
        """Return about how many operations a training step takes: forward, and back through all."""
        return 2 * self.reading(tokens) + 2 * tokens * min(
            self.trained, self.parameters - self.embedded
        )


def draw(config: dict[str, Any], task: Task, data: SequenceDataModule) -> Blueprint | None:
    """Build and adapt a model on torch's meta device, which keeps shapes and no numbers.

    Args:
        config: The resolved configuration.
        task: The task.
        data: Its encoded splits.

    Returns:
        How large the model is; None if only its weights can tell.

    Raises:
        InputError: If the method cannot be injected, or the model cannot be built from its own
            configuration.
    """
    model, method = config["model"], config["method"]
    source = model.get("source")
    if model.get("architecture") is None:
        return None
    shape = {
        **config,
        "model": {**model, "source": None},
        "method": {**method, "quantise": None},
    }
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that numbers are not copied
        try:
            backbone = load_base(shape, data)
        except (InputError, RuntimeError) as error:
            if isinstance(error, InputError) and source is None:
                raise
            return None
        trunk: Any = backbone.trunk
        embedded = sum(p.numel() for p in trunk.get_input_embeddings().parameters())
        with errors_at("method.head_dropout"):
            positions = data.summary()["tokens"]["train"]["max"]
            backbone.attach_head(task.outputs, method["head_dropout"], positions)
        steps: tuple[Callable[[], object], ...] = (
            lambda: adapt(backbone, shape),
            lambda: build_module(shape, task, data, backbone),
        )
        for step in steps:
            try:
                step()
            except (InputError, RuntimeError) as error:
                # If a number was looked at, adapters are in place; else all counts as trained.
                if isinstance(error, InputError) and not _is_of_meta(error):
                    if source is None or not Path(source).expanduser().exists():
                        raise
                    return None  # the folder may hold a model of another architecture
    return _measure(backbone, embedded)


def _is_of_meta(error: BaseException | None) -> bool:
    """Whether an exception came of a tensor without numbers, however it was wrapped."""
    while error is not None:
        if isinstance(error, RuntimeError) and "meta" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _measure(backbone: Backbone, embedded: int) -> Blueprint:
    parameters = list(backbone.parameters())
    settings: Any = backbone.trunk.config
    return Blueprint(
        parameters=sum(p.numel() for p in parameters),
        trained=sum(p.numel() for p in parameters if p.requires_grad),
        embedded=embedded,
        width=backbone.layers * int(getattr(settings, "hidden_size", backbone.hidden_size)),
    )
