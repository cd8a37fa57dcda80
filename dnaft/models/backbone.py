"""A language model without its own head, ready to be adapted."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from dnaft.models.frozen_trunk import FrozenTrunk
from dnaft.models.head import TaskHead
from dnaft.models.pooling import Pooling, pool_rows

# Takes ids, mask and token types.
EncodeWithOthers = Callable[[Tensor, Tensor, Tensor | None], Tensor | None]
ROLES = ("q", "k", "v", "o", "fc1", "fc2")


class Backbone(nn.Module):
    """A transformers encoder or decoder, its adaptable matrices by role, and a task head.

    Args:
        model: The transformers base model (`BertModel`, `EsmModel`, `OPTModel`, ...).
        name: What to call it in messages.
        roles: For each role of `q k v o fc1 fc2` the module's name, with `{layer}` for the layer
            number; a role the architecture lacks is left out.
        layers: Number of layers.
        hidden_size: Width of the last hidden state.
        pooling: How tokens become one vector.
        source: Hub id or folder of the weights, None for random ones.
        revision: Hub revision of them, None for the newest.
        standardise_features: Whether the head standardises what it is given.
        position_rank: Rank of the head's weights by position (`PositionTerm`), 0 for none.

    Raises:
        ValueError: If the rank is negative, a role is unknown, or its module does not exist in the
            model: an adapter that adapts nothing must not pass for one.

    Attributes:
        matrices: For each adaptable matrix, by module name, its layer and role.
        layer_names: Module name of each layer, from the first on; empty without roles.
        rate_factors: What a method multiplies the learning rate with, by parameter name; 1 for
            those that are not named.
        vectors: Names of trained parameters that are vectors, though stored with two dimensions.
        encode_with_others: In training computes the hidden states of a batch together with those
            of other runs, or returns None where that cannot be; None for a run by itself.
        frozen_trunk: The layers that `states` of a batch stand for; None if those are last hidden
            states, or one pooled vector a row.
        computes_twice: Whether layers are computed again in the backward pass.
    """

    def __init__(
        self,
        model: nn.Module,
        name: str,
        roles: Mapping[str, str],
        layers: int,
        hidden_size: int,
        pooling: Pooling,
        source: str | None = None,
        revision: str | None = None,
        standardise_features: bool = False,
        position_rank: int = 0,
    ) -> None:
        super().__init__()
        if position_rank < 0:
            raise ValueError(f"position_rank must be 0 or more, got {position_rank}")
        self.model = model
        self.name = name
        self.source = source
        self.revision = revision
        self.standardise_features = standardise_features
        self.position_rank = position_rank
        self.hidden_size = hidden_size
        self.layers = layers
        self.pooling: Pooling = pooling
        self.takes_token_types = _takes_token_types(model)
        self.matrices = _resolve_roles(model, name, roles, layers)
        self.layer_names = [
            pattern.partition("{layer}")[0] + str(layer)
            for pattern in list(roles.values())[:1]
            for layer in range(layers)
        ]
        self.rate_factors: dict[str, float] = {}
        self.vectors: set[str] = set()
        self.frozen_trunk: FrozenTrunk | None = None
        self.encode_with_others: EncodeWithOthers | None = None
        self.computes_twice = False

    def attach_head(self, outputs: int, dropout: float = 0.0, positions: int = 0) -> None:
        """Hang a fresh task head on the model; do this before injecting adapters.

        Args:
            outputs: Logits a sequence.
            dropout: Of its inputs.
            positions: Tokens of the longest training row, for weights by position.
        """
        head = TaskHead(
            self.hidden_size,
            outputs,
            dropout,
            standardise=self.standardise_features,
            positions=positions,
            position_rank=self.position_rank,
        )
        self.model.add_module("task_head", head.to(next(self.model.parameters()).device))

    @property
    def trunk(self) -> nn.Module:
        """The transformers model itself, below any PEFT wrapper."""
        unwrap: Any = getattr(self.model, "get_base_model", None)
        inner: nn.Module = self.model if unwrap is None else unwrap()
        return inner

    @property
    def vocabulary_size(self) -> int:
        """Rows of the input embedding."""
        embedding: Any = self.trunk.get_input_embeddings()  # type: ignore[operator]
        return int(embedding.weight.shape[0])

    @property
    def head(self) -> nn.Module:
        """The task head, also where PEFT has wrapped it."""
        return self.trunk.get_submodule("task_head")

    def target_modules(self, roles: Iterable[str]) -> list[str]:
        """Return the names of all matrices in the given roles, layer by layer.

        Raises:
            ValueError: If a role is not one of this architecture's.
        """
        names = []
        for role in roles:
            found = [module for module, (_, r) in self.matrices.items() if r == role]
            if not found:
                known = ", ".join(dict.fromkeys(r for _, r in self.matrices.values()))
                has = f"it has {known}" if known else "it has none: use linear_probe or full"
                raise ValueError(f"role {role!r} matches no module of {self.name}; {has}")
            names.extend(found)
        if not names:
            raise ValueError("target_roles is empty: nothing would be adapted")
        return names

    def encode(
        self,
        input_ids: Int[Tensor, "windows tokens"],
        attention_mask: Int[Tensor, "windows tokens"],
        token_type_ids: Int[Tensor, "windows tokens"] | None = None,
    ) -> Float[Tensor, "windows tokens hidden"]:
        """Return the hidden states of the last layer.

        Args:
            input_ids: Token ids.
            attention_mask: 1 at tokens, 0 at padding.
            token_type_ids: 0 and 1 at the first and second sequence of pairs. A model that was
                trained without (`takes_token_types` is false) tells them apart by the separator.
        """
        if self.encode_with_others is not None and torch.is_grad_enabled():
            found = self.encode_with_others(input_ids, attention_mask, token_type_ids)
            if found is not None:
                return found
        outputs = self.call_model(input_ids, attention_mask, token_type_ids)
        hidden: Tensor = outputs.last_hidden_state
        return hidden

    def call_model(
        self,
        input_ids: Int[Tensor, "windows tokens"],
        attention_mask: Int[Tensor, "windows tokens"],
        token_type_ids: Int[Tensor, "windows tokens"] | None = None,
        **options: Any,
    ) -> Any:
        """Return what the transformers model returns.

        Args:
            input_ids: Token ids.
            attention_mask: 1 at tokens, 0 at padding.
            token_type_ids: See `encode`.
            options: Further arguments of the model, such as `output_hidden_states`.
        """
        if token_type_ids is not None and self.takes_token_types:
            options["token_type_ids"] = token_type_ids
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **options)

    def encode_on(
        self,
        states: Float[Tensor, "windows places _"],
        input_ids: Int[Tensor, "windows tokens"],
        attention_mask: Int[Tensor, "windows tokens"],
        token_type_ids: Int[Tensor, "windows tokens"] | None = None,
    ) -> Float[Tensor, "windows tokens hidden"]:
        """Return the hidden states of the last layer, given those that leave the frozen layers.

        Args:
            states: What leaves `frozen_trunk`; without one the result itself.
            input_ids: Token ids.
            attention_mask: 1 at tokens, 0 at padding.
            token_type_ids: See `encode`.
        """
        if self.frozen_trunk is None:
            return states
        with self.frozen_trunk.left_with(states):
            return self.encode(input_ids, attention_mask, token_type_ids)

    def forward(
        self,
        input_ids: Int[Tensor, "windows tokens"],
        attention_mask: Int[Tensor, "windows tokens"],
        token_type_ids: Int[Tensor, "windows tokens"] | None = None,
        windows: Int[Tensor, " rows"] | None = None,
        states: Float[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "rows outputs"]:
        """Return the logits of the task head, one line a row.

        Args:
            input_ids: Token ids.
            attention_mask: 1 at tokens, 0 at padding.
            token_type_ids: See `encode`.
            windows: How many windows each row has; None if each is one. The windows of a row are
                read and pooled on their own, then averaged (`average_windows`).
            states: See `Batch`; what they stand for is not computed.
        """
        if states is not None and states.dim() == 2:
            logits: Tensor = self.head(states)
            return logits
        inputs = input_ids, attention_mask, token_type_ids
        hidden = self.encode(*inputs) if states is None else self.encode_on(states, *inputs)
        pooled = pool_rows(hidden, attention_mask, windows, self.pooling)
        logits = self.head(pooled, hidden, attention_mask, windows)
        return logits

    def train(self, mode: bool = True) -> Self:
        """Switch to training mode; a trunk with nothing to train stays in evaluation mode.

        A linear probe then sees the same features every epoch instead of ones under dropout.
        """
        super().train(mode)
        if mode and not any(
            p.requires_grad for n, p in self.named_parameters() if "task_head" not in n
        ):
            self.model.eval()
            self.head.train()
        return self


def _takes_token_types(model: nn.Module) -> bool:
    """Whether the model embeds two kinds of tokens; RoBERTa has the argument, but one kind."""
    named = "token_type_ids" in inspect.signature(model.forward).parameters
    kinds = getattr(getattr(model, "config", None), "type_vocab_size", None)
    return named and (kinds or 0) > 1


def matrix_names(roles: Mapping[str, str], layers: int) -> list[str]:
    """Return the module names of the matrices in all roles, see `Backbone`."""
    return [pattern.format(layer=layer) for pattern in roles.values() for layer in range(layers)]


def _resolve_roles(
    model: nn.Module, name: str, roles: Mapping[str, str], layers: int
) -> dict[str, tuple[int, str]]:
    """Map each module name to its layer and role."""
    modules: dict[str, Any] = dict(model.named_modules())
    matrices: dict[str, tuple[int, str]] = {}
    for role, pattern in roles.items():
        if role not in ROLES:
            raise ValueError(f"roles.{role}: unknown role; the roles are {', '.join(ROLES)}")
        for layer in range(layers):
            module = pattern.format(layer=layer)
            if module not in modules:
                raise ValueError(
                    f"roles.{role}: {name} has no module {module}; "
                    "correct the pattern or leave out the role"
                )
            matrices[module] = (layer, role)
    return dict(sorted(matrices.items(), key=lambda item: (item[1][0], ROLES.index(item[1][1]))))
