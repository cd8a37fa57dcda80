"""Adaptive rank sampling while a model trains: when to act; `dnaft.ranks` decides what to do."""

from typing import Any, Literal

import torch
from lightning import Callback, LightningModule, Trainer
from torch.optim import Optimizer

from dnaft.callbacks.allocation import Allocation, AllocationHistory
from dnaft.callbacks.timing import Timing, describe_empty
from dnaft.config import errors_at
from dnaft.methods.triplets import find_triplets
from dnaft.models.backbone import Backbone
from dnaft.ranks.budget import BudgetSchedule, BudgetUnit, cubic_budget
from dnaft.ranks.importance import Importance
from dnaft.ranks.knapsack import top_per_parameter
from dnaft.ranks.mask import top_triplets
from dnaft.ranks.pruned import PrunedValues, Store
from dnaft.ranks.sampling import Draws, combine
from dnaft.ranks.triplet import TripletGroup
from dnaft.ranks.variant import VARIANTS, VariantName


class RankSampler(Callback):
    """Prune singular triplets by importance and reintroduce some by Bernoulli draws.

    LINGO Section 4.3.3 and Algorithm 1; AdaLoRA+RS Section 2. With both probabilities 0 it is
    AdaLoRA's allocation. The initial budget is every triplet that the method injected. From T on
    the last mask is applied after every step, so that neither Adam's momentum nor the gradient
    revives what was pruned.

    Args:
        target_rank: Average triplets a matrix that remain at T.
        interval: Optimiser steps between allocations, Delta T; below 1, a fraction of the run.
        final_fraction: Share of the run after T, in which ranks are fixed.
        drop_probability: p of a triplet in the top to be pruned all the same.
        regrow_probability: p of a pruned triplet to be reintroduced.
        warmup_fraction: Share of the run before the first allocation; the papers have none.
        beta1: Memory of the sensitivity.
        beta2: Memory of the uncertainty.
        variant: "paper", or "released_code" for what the authors' program does.
        masked_values: "overwrite" sets pruned values to 0, and they start from there when they
            come back; "shadow" keeps them aside and puts them back, with what they learned since.
        accumulate: Importance from every step, or only from the steps that mask, which is the
            letter of Algorithm 1.
        act_every_steps: Steps between two looks at importance and two applications of the last
            mask; `interval` must be a multiple of it. The released scripts act at every 50th step.
        schedule_steps: Steps over which budget, warm-up and final phase are laid; None takes those
            that the trainer plans. In a shorter run the schedule is cut off.
        last_mask: "sampled" draws the last mask like the others, "deterministic" keeps its top.
        budget_unit: What budgets count: triplets, or the parameters that they have; then the top is
            chosen by importance per parameter (`top_per_parameter`).
        compact: Remove pruned triplets for good once the last mask holds, so that the rest of the
            run is faster and its checkpoints smaller (`remove_triplets`). For one process.
        on_empty_schedule: What to do if no allocation would ever happen.
        seed: Seed of the draws; the same on every process.

    Raises:
        ValueError: If a number lies outside its domain, or the variant contradicts one.
    """

    def __init__(
        self,
        target_rank: float,
        interval: float,
        final_fraction: float,
        drop_probability: float,
        regrow_probability: float,
        warmup_fraction: float = 0.0,
        beta1: float = 0.85,
        beta2: float = 0.85,
        variant: VariantName = "paper",
        masked_values: Store = "overwrite",
        accumulate: Literal["every_step", "masking_steps"] = "every_step",
        act_every_steps: int = 1,
        schedule_steps: int | None = None,
        last_mask: Literal["sampled", "deterministic"] = "sampled",
        budget_unit: BudgetUnit = "triplets",
        compact: bool = False,
        on_empty_schedule: Literal["error", "warn"] = "error",
        seed: int = 1,
    ) -> None:
        self._timing = Timing(
            target_rank, interval, final_fraction, warmup_fraction, act_every_steps, schedule_steps
        )
        self._variant = VARIANTS[variant]
        fixed = self._variant.fixed_probability
        if fixed is not None and {drop_probability, regrow_probability} != {fixed}:
            raise ValueError(
                f"variant {variant} has its probability fixed at {fixed}; "
                f"set drop_probability={fixed} regrow_probability={fixed}"
            )
        if budget_unit == "parameters" and variant == "released_code":
            raise ValueError(f"variant {variant} counts triplets; set budget_unit=triplets")
        self.masked_values, self.accumulate, self.last_mask = masked_values, accumulate, last_mask
        self.budget_unit = budget_unit
        self.compact, self.on_empty_schedule = compact, on_empty_schedule
        self._draws = Draws(drop_probability, regrow_probability)
        self._importance = Importance(beta1, beta2, self._variant.uncertainty)
        self._generator = torch.Generator().manual_seed(seed)
        self._groups: list[TripletGroup] = []
        self._schedule: BudgetSchedule | None = None
        self._pruned = PrunedValues([], masked_values)
        self._restored: dict[str, Any] | None = None
        self._last_step = 0
        self.history = AllocationHistory()

    @property
    def schedule(self) -> BudgetSchedule:
        """The schedule of the run, known once training has begun.

        Raises:
            RuntimeError: Before `on_fit_start`.
        """
        if self._schedule is None:
            raise RuntimeError("RankSampler.schedule: training has not begun")
        return self._schedule

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Find the triplets and lay out the schedule over the steps that the trainer plans.

        Raises:
            InputError: If there is nothing to prune, or no time to prune it in.
        """
        with errors_at("method.callbacks.rank_sampler"):
            self._begin(trainer, pl_module)

    def _begin(self, trainer: Trainer, pl_module: LightningModule) -> None:
        backbone = pl_module.backbone
        if not isinstance(backbone, Backbone):
            raise TypeError(f"RankSampler works on a Backbone, got {type(backbone).__name__}")
        self._groups = find_triplets(backbone)
        if not self._groups:
            raise ValueError(
                "the rank sampler found no singular values to prune; "
                "use a method that injects them (adalora, adalora_rs, lingo)"
            )
        if self.compact and trainer.world_size > 1:
            raise ValueError(
                f"compact changes the shapes of parameters, which {trainer.world_size} processes "
                "cannot do together; set compact=false or trainer.devices=1"
            )
        self.history.matrices = {group.name: group.rank for group in self._groups}
        if self._restored is not None:  # after a removal of triplets the tensors are smaller
            self.history.matrices = dict(self._restored["matrices"])
        ranks = list(self.history.matrices.values())
        costs = [g.cost for g in self._groups] if self.budget_unit == "parameters" else None
        planned = trainer.estimated_stepping_batches
        self._schedule = self._timing.schedule(ranks, planned, costs)
        if not self._schedule.newest_redraw(int(planned)):
            message = describe_empty(self._schedule, int(planned))
            if self.on_empty_schedule == "error":
                raise ValueError(message)
            trainer.print(f"warning: {message}.")
        if planned < self._schedule.end and self.compact:
            raise ValueError(
                f"compact acts at step {self._schedule.end}, and this run ends after "
                f"{int(planned)}; make it longer or lower schedule_steps"
            )
        self._pruned = PrunedValues(self._groups, self.masked_values)
        if self._restored is not None:
            self._apply_restored(self._restored)

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        """Take in the gradients of the whole step, before clipping, with their weights."""
        if self._variant.weights == "before_step":
            self._observe(trainer.global_step + 1)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *_: object, **__: object
    ) -> None:
        """Mask after the optimiser step, once a step also under gradient accumulation."""
        step = trainer.global_step
        if step == self._last_step:
            return
        self._last_step = step
        if self._variant.weights == "after_step":
            self._observe(step)
        if self._is_due(step) and self._importance.ready:
            allocation = self.allocate(step)
            self.history.rows.append(allocation)
            pl_module.log_dict(allocation.logged(self.history.matrices), rank_zero_only=True)
        elif self._holds(step) and self._pruned.mask is not None:
            self._pruned.hold()
            if self.compact:
                self._remove_pruned(trainer)

    def _holds(self, step: int) -> bool:
        return self.schedule.holds_at(step) and self._timing.acts_at(step)

    def _is_due(self, step: int) -> bool:
        """Whether a mask is to be drawn by now: at its own step, or later if that one failed.

        No comparison with a single step decides, so a step without usable gradients, or one that
        was never seen, delays an allocation instead of losing it.
        """
        drawn = self.history.rows[-1].step if self.history.rows else 0
        return self._timing.acts_at(step) and self.schedule.newest_redraw(step) > drawn

    def _observe(self, step: int) -> None:
        """Update importance from the gradients of optimiser step `step`."""
        due = self._is_due(step)
        if not self._timing.acts_at(step) or (step >= self.schedule.end and not due):
            return
        if self.accumulate == "masking_steps" and not due:
            return
        weights = [tensor for g in self._groups for tensor in (g.left, g.values, g.right)]
        gradients = [weight.grad for weight in weights]
        # fp16's loss scaler skips a step whose gradients overflowed; so do the averages.
        self._importance.update(weights, gradients)

    @torch.no_grad()
    def allocate(self, step: int) -> Allocation:
        """Draw a new mask for `step`, apply it and say what it did."""
        s = self.schedule
        budget = cubic_budget(min(step, s.total), s, exact=self._variant.exact_budget)
        scores = torch.cat(self._importance.scores()).float().cpu()
        ranks = torch.tensor([group.rank for group in self._groups])
        costs = torch.tensor([group.cost for group in self._groups]).repeat_interleave(ranks)
        if self.budget_unit == "parameters":
            top = top_per_parameter(scores, costs, budget)
        else:
            top = top_triplets(scores, budget, self._variant.ties)
        dropped, regrown = self._draws.sample(scores.numel(), self._generator)
        if self.last_mask == "deterministic" and s.newest_redraw(step) == s.last_allocation:
            mask = top
        else:
            mask = combine(top, dropped, regrown, self._variant.rule)
        self._pruned.redraw(mask)
        return Allocation(
            step=step,
            budget=budget,
            kept=int(mask.sum()),
            kept_parameters=int(costs[mask].sum()),
            dropped=int((top & ~mask).sum()),
            reintroduced=int((mask & ~top).sum()),
            ranks=self._pruned.ranks(),
        )

    def _remove_pruned(self, trainer: Trainer) -> None:
        """Take what the last mask prunes out of model and optimiser; nothing is drawn any more."""
        removed = self._pruned.remove(trainer.optimizers)
        if removed:
            self._importance.forget()
            kept = sum(self._pruned.ranks())
            counts = f"{removed:,} pruned triplets removed, {kept:,} stay"
            trainer.print(f"step {trainer.global_step:,}: {counts}")

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next step depends on."""
        return {
            "importance": self._importance.state_dict(),
            "generator": self._generator.get_state(),
            "pruned": self._pruned.state_dict(),
            "last_step": self._last_step,
            "history": self.history.to_rows(),
            "matrices": self.history.matrices,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep a checkpoint's state until the triplets are known."""
        self._restored = state_dict

    def _apply_restored(self, state: dict[str, Any]) -> None:
        weights = [tensor for g in self._groups for tensor in (g.left, g.values, g.right)]
        if state["importance"]["sensitivities"]:
            self._importance.load_state_dict(state["importance"], weights)
        self._generator.set_state(state["generator"].cpu())
        self._pruned.load_state_dict(state["pruned"])
        self._last_step = state["last_step"]
        self.history.load_rows(state["history"])
        self._restored = None
