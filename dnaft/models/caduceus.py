"""A Caduceus with the interface of the other backbones: padding, one width, one embedding."""

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput


class CaduceusEncoder(PreTrainedModel):
    """What stands between a Caduceus trunk (Schiff et al. 2024, arXiv:2403.03234) and a head.

    The trunk knows no padding and reads in both directions, so padding would change every token.
    Rows of one length are therefore read together, without padding.

    A model that is equivariant under the reverse complement (`rcps`) gives each token features of
    both strands. They are averaged, those of the other strand in reverse order of channels as
    their equivariance has it; means over the tokens are then the same for either strand.

    Args:
        config: The trunk's configuration.
        trunk: The model that the hub repository's code builds.
    """

    base_model_prefix = ""

    def __init__(self, config: PreTrainedConfig, trunk: nn.Module) -> None:
        config.hidden_size, config.num_hidden_layers = config.d_model, config.n_layer
        super().__init__(config)
        self.caduceus = trunk

    def get_input_embeddings(self) -> nn.Module:
        """Return the token embedding, also where it serves both strands."""
        embedding: Any = self.caduceus.get_submodule("backbone.embeddings.word_embeddings")
        inner: nn.Module = getattr(embedding, "embedding", embedding)
        return inner

    def forward(
        self,
        input_ids: Int[Tensor, "batch tokens"],
        attention_mask: Int[Tensor, "batch tokens"] | None = None,
        **_: Any,
    ) -> BaseModelOutput:
        """Return hidden states, 0 at padding.

        Args:
            input_ids: Token ids, padded on either side.
            attention_mask: 1 at tokens, 0 at padding; all ones if left out.

        Raises:
            ValueError: If the mask marks no token at all.
        """
        if attention_mask is None:
            return BaseModelOutput(last_hidden_state=self._read(input_ids))
        real = attention_mask.bool()
        lengths = real.sum(dim=1)
        hidden: Tensor | None = None
        for length in lengths[lengths > 0].unique().tolist():
            where = real & (lengths == length)[:, None]
            part = self._read(input_ids[where].view(-1, length))
            if hidden is None:
                hidden = part.new_zeros(*input_ids.shape, part.shape[-1])
            hidden[where] = part.flatten(0, 1)
        if hidden is None:
            raise ValueError("CaduceusEncoder: attention_mask marks no token at all")
        return BaseModelOutput(last_hidden_state=hidden)

    def _read(self, ids: Int[Tensor, "rows tokens"]) -> Float[Tensor, "rows tokens hidden"]:
        hidden: Tensor = self.caduceus(ids, output_hidden_states=False, return_dict=True)[0]
        if not self.config.rcps:
            return hidden
        this, other = hidden.chunk(2, dim=-1)
        return (this + other.flip(-1)) / 2

    def save_pretrained(self, *arguments: Any, **options: Any) -> None:
        """Write the model in transformers' form, weights that both directions share once."""
        weights: dict[str, Tensor] = options.pop("state_dict", None) or self.state_dict()
        once = {tensor.data_ptr(): name for name, tensor in reversed(weights.items())}
        options["state_dict"] = {name: weights[name] for name in once.values()}
        super().save_pretrained(*arguments, **options)
