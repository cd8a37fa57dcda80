"""Catastrophic forgetting: the language model of a backbone, before and after fine-tuning."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from dnaft.config import build, errors_at
from dnaft.data.datamodule import SequenceDataModule
from dnaft.data.table import SequenceTable
from dnaft.data.tokens import TokenRows
from dnaft.errors import InputError
from dnaft.models.backbone import Backbone
from dnaft.pretraining.dna_tokens import DnaTokens, dna_tokens
from dnaft.pretraining.examples import Rows, pad
from dnaft.pretraining.model import language_model, published_head, target_logits
from dnaft.pretraining.objectives import MaskedTokens, NextToken, Objective, TokenBatch

KEY = "eval.mlm"
SEED = 0  # of the tokens that are hidden, whatever the seed of the run
_ROWS = 32  # of a batch


def load_forgetting(model: dict[str, Any], data: SequenceDataModule) -> "Forgetting":
    """Return the language model of a checkpoint and what it is asked about dev.

    Args:
        model: A yaml of conf/model as plain values, with `quantise` where the method keeps the
            matrices in four bits: rounding them is no forgetting.
        data: The task, with the tokenizer.

    Raises:
        InputError: If the weights are random or lack their language-model head, the model is built
            by code of its repository, or no token of dev can be asked for.
    """
    if model["source"] is None:
        raise InputError(
            f"{KEY}: model {model['name']} has random weights, so there is no language model to "
            "forget; give model.source, or leave it out"
        )
    if model["trust_remote_code"]:
        raise InputError(
            f"{KEY}: model {model['name']} is built by code of its repository, whose "
            "language-model head cannot be read; leave it out"
        )
    try:
        # Loading may draw numbers, and training shall be the same with and without.
        with torch.random.fork_rng(devices=[]):
            head = published_head(model)
            loaded = language_model(model, head, data.tokenizer, SEED)
            base = None if model.get("quantise") is None else build(model, "model")
    except InputError as error:
        raise InputError(f"{KEY}: {error}") from error
    objective: Objective = MaskedTokens() if head == "masked" else NextToken()
    with errors_at(KEY):
        questions = Questions(data, objective)
    return Forgetting(loaded, head, questions, base)


class Questions:
    """What a language model is asked about the dev sequences of a task, always the same.

    Masked: 15% of the tokens that spell bases are hidden, all behind the mask token, spans of k and
    more for overlapping k-mers (`MaskedTokens`). Causal: each token that spells bases is asked
    for from those in front of it. Rows are those of the task, prefix, suffix and windows included;
    of a pair each sequence is a row of its own.

    Args:
        data: The task, with the tokenizer.
        objective: What is asked.

    Raises:
        ValueError: If the vocabulary does not go with the objective.
        InputError: If no token of dev spells bases.
    """

    def __init__(self, data: SequenceDataModule, objective: Objective) -> None:
        self._dna: DnaTokens = dna_tokens(data.tokenizer)
        self._ask = objective.questions(data.tokenizer, self._dna, scoring=True)
        self._pad_id = data.tokenizer.pad_id
        self._tokens: TokenRows = data.encoding.encode(_single(data.tables["dev"]))
        self.targets = sum(len(batch.targets) for batch in self.batches())
        if not self.targets:
            raise InputError(f"{KEY}: no token of dev spells bases alone; leave it out")

    @property
    def rows(self) -> int:
        """How many rows are asked about; each window is one."""
        return len(self._tokens.offsets) - 1

    def batches(self) -> Iterator[TokenBatch]:
        """Yield the questions, rows of like length together."""
        ids, offsets = self._tokens.ids, self._tokens.offsets
        order = np.argsort(np.diff(offsets), kind="stable")
        for first in range(0, len(order), _ROWS):
            numbers = order[first : first + _ROWS]
            rows = [ids[offsets[n] : offsets[n + 1]].astype(np.int64) for n in numbers]
            padded = pad(rows, self._pad_id)
            lengths = np.array([len(row) for row in rows])
            yield self._ask(Rows(padded, lengths, self._dna.is_dna[padded]), SEED, numbers.tolist())


class Forgetting:
    """A language model, scored with its own trunk and then with the fine-tuned one.

    The head stays that of the checkpoint. Where its matrix is the token embedding (tied), it is the
    fine-tuned one's: there is but one.

    Args:
        model: The language model with its head.
        head: Which one it is.
        questions: What it is asked.
        base: The trunk that fine-tuning begins with, where it is not the model's own.
    """

    def __init__(
        self, model: Any, head: str, questions: Questions, base: Backbone | None = None
    ) -> None:
        self._model = model
        self._base = base
        self._head = head
        self._questions = questions
        self._tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
        self._before: dict[str, float] = {}

    def score_before(self, device: torch.device) -> None:
        """Score the language model as fine-tuning begins with it, and let go of its trunk.

        Args:
            device: Where to; the model goes back to the CPU.
        """
        if self._base is None:
            self._before = self._score(device)
        else:
            self._before = self._score_with(self._base.to(device))
            self._base = None
        self._model.cpu()
        setattr(self._model, self._model.base_model_prefix, nn.Identity())

    def score_after(self, backbone: Backbone) -> dict[str, Any]:
        """Score the fine-tuned trunk under the head, adapters active; return what is recorded.

        Args:
            backbone: The fine-tuned model, on its device.

        Returns:
            `objective`: masked or causal; `rows` and `targets` asked; `before` and `after`: `loss`,
            the mean of -log p of a target in nats, `perplexity`, its exponential, and `accuracy`,
            the share of targets with the highest probability.
        """
        return {
            "objective": self._head,
            "rows": self._questions.rows,
            "targets": self._questions.targets,
            "before": self._before,
            "after": self._score_with(backbone),
        }

    def _score_with(self, backbone: Backbone) -> dict[str, float]:
        backbone.eval()
        reader = _Reader(backbone)
        setattr(self._model, self._model.base_model_prefix, reader)
        if self._tied:
            matrix = reader.embed_tokens.weight.detach().float()
            self._model.get_output_embeddings().weight = nn.Parameter(matrix, requires_grad=False)
        return self._score(next(backbone.parameters()).device)

    @torch.no_grad()
    def _score(self, device: torch.device) -> dict[str, float]:
        model = self._model.to(device).eval()
        nats = hits = 0.0
        for batch in self._questions.batches():
            moved = batch.to(device)
            logits = target_logits(model, moved)
            losses = functional.cross_entropy(logits, moved.targets, reduction="none")
            nats += float(losses.cpu().double().sum())
            hits += int((logits.argmax(dim=1) == moved.targets).sum())
        loss = nats / self._questions.targets
        return {
            "loss": loss,
            "perplexity": math.exp(min(loss, 700.0)),
            "accuracy": hits / self._questions.targets,
        }


class _Reader(nn.Module):
    """Stands where a language model's own trunk stood, and reads with the fine-tuned one.

    Args:
        backbone: The fine-tuned model; it does not become a part of this module.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self._backbone = [backbone]  # in a list, for torch not to see it

    @property
    def decoder(self) -> nn.Module:
        """What OPT's head calls."""
        return self

    @property
    def embed_tokens(self) -> Any:
        """What transformers asks for before it hands out the head's matrix."""
        return self._backbone[0].trunk.get_input_embeddings()  # type: ignore[operator]

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> Any:
        """Return the hidden states (batch, tokens, hidden) in the form that heads expect."""
        from transformers.modeling_outputs import BaseModelOutputWithPast

        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        hidden = self._backbone[0].encode(input_ids, attention_mask)
        # The head is in float32, whatever the backbone was trained in.
        return BaseModelOutputWithPast(last_hidden_state=hidden.float())


def _single(table: SequenceTable) -> SequenceTable:
    """Return the table itself, or both columns of a table of pairs below each other."""
    if table.sequences_b is None:
        return table
    return replace(
        table,
        sequences=[*table.sequences, *table.sequences_b],
        labels=np.concatenate([table.labels, table.labels]),
        numbers=np.concatenate([table.numbers, table.numbers]),
        sequences_b=None,
        species=None if table.species is None else table.species * 2,
        wide=None,
        jitter=None,
    )
