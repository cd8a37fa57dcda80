"""The lower layers of a model that stay as they are: what leaves them, and what follows on it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn


class FrozenTrunk:
    """Layers of a model that are skipped where what leaves them is at hand.

    What lies in front of the layers, the embeddings, is computed nevertheless: masks and position
    encodings of the layers above may come from there, and it costs little.

    Args:
        layers: The frozen layers, then the first that trains; at least one of the former.
    """

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        self._frozen = list(layers[:-1])
        self._first = layers[-1]
        self._in_tuples = False

    def read(self, encode: Callable[[], object]) -> Float[Tensor, "windows places _"]:
        """Return what enters the first trained layer; nothing is computed from there on.

        Args:
            encode: Runs the model.

        Raises:
            ValueError: If the model does not come to that layer, or hands it no tensor.
        """

        def note(_: nn.Module, __: object, output: object) -> None:
            self._in_tuples = isinstance(output, tuple)

        def stop(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            raise _Reached(args[0] if args else kwargs.get("hidden_states"))

        hooks = [
            self._frozen[-1].register_forward_hook(note),
            self._first.register_forward_pre_hook(stop, with_kwargs=True),
        ]
        try:
            encode()
        except _Reached as reached:
            if not isinstance(reached.states, Tensor):
                raise ValueError("the first trained layer is handed no hidden states") from None
            return reached.states
        finally:
            for hook in hooks:
                hook.remove()
        raise ValueError("the model does not come to the first trained layer")

    @contextmanager
    def left_with(self, states: Float[Tensor, "windows places _"]) -> Iterator[None]:
        """Within, a pass through the model skips the frozen layers, as if they had left `states`.

        Args:
            states: What `read` returned for the same rows.
        """

        def replace(
            _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> tuple[tuple[Any, ...], dict[str, Any]]:
            return (
                ((states, *args[1:]), kwargs) if args else ((), kwargs | {"hidden_states": states})
            )

        def skip(hidden_states: Tensor, *_: object, **__: object) -> object:
            return (hidden_states,) if self._in_tuples else hidden_states

        hook = self._first.register_forward_pre_hook(replace, with_kwargs=True)
        for layer in self._frozen:
            layer.forward = skip
        try:
            yield
        finally:
            hook.remove()
            for layer in self._frozen:
                del layer.forward


class _Reached(Exception):
    """Ends a pass through the model where the first trained layer begins."""

    def __init__(self, states: object) -> None:
        super().__init__()
        self.states = states
