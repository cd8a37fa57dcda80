"""What methods promise, of the one that trains none of the model: layer_probe."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dnaft.baselines.layer_probe import LayerProbe
from dnaft.batch import Batch
from dnaft.config import build
from dnaft.models.layer_states import read_layers
from dnaft.record import RunRecord
from dnaft.saved_probe import PROBES, load_probe, save_probes
from dnaft.saved_run import BASE, save_base
from small_methods import IDS, MASK, batches, plain, roles_of, rows_of_docs
from small_models import SHAPES

LAYER = 1


@pytest.mark.parametrize("family", SHAPES)
def test_the_model_stays_bit_for_bit_and_a_saved_run_gives_the_same_logits(
    family: str, tmp_path: Path
) -> None:
    backbone = plain(family)
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    rows = list(batches(4))
    states = read_layers(backbone, rows)
    labels = torch.cat([batch.labels for batch in rows]).double().numpy()
    probe: LayerProbe = LayerProbe((1.0,))
    choices = [probe.fit((s, s), (labels, labels), "binary", 1, "mcc") for s in states]
    for name, tensor in backbone.state_dict().items():
        assert torch.equal(tensor, before[name]), name

    save_base(backbone, tmp_path / BASE)
    save_probes([choice.weights for choice in choices], tmp_path / PROBES)
    model = {
        "_target_": "dnaft.models.load.load_backbone",
        "name": f"small {family}",
        "roles": roles_of(family),
        "pooling": "mean",
        "max_tokens": 64,
    }
    trained = choices[LAYER].weights.trainable
    RunRecord(
        task="a task",
        model=family,
        method="layer_probe",
        seed=1,
        config={"model": model, "method": {"quantise": None}, "task": {"outputs": 1}},
        code_version="0",
        data={"tokens": {"train": {"max": 12}}},
        parameters={"trainable": trained, "total": trained, "fraction": 1.0},
        scores={"dev": {}, "test": {}},
        chosen={"step": None, "metric": "mcc", "value": 0.0, "layer": LAYER},
        timing={"seconds": 1.0},
    ).write(tmp_path / "result.json")
    loaded, _ = load_probe(tmp_path)
    states = read_layers(backbone, [Batch(IDS, MASK, torch.zeros(len(IDS)))])
    want = choices[LAYER].weights.apply(states[LAYER].astype(np.float64))
    assert want.std() > 1e-2
    np.testing.assert_allclose(loaded(IDS, MASK).numpy(), want, atol=1e-5)


def test_the_docs_say_so() -> None:
    row = rows_of_docs()["layer_probe"]
    assert row[2] == "`0` in all"
    assert row[3] == "unchanged"
    assert row[5] == f"`{PROBES}`"
    assert row[6] == "no"


def test_wrong_penalties_are_refused_with_their_key() -> None:
    node = {"_target_": "dnaft.baselines.layer_probe.LayerProbe", "penalties": [1, -2]}
    with pytest.raises(ValueError, match=r"method\.probe: penalties must be above 0 and finite"):
        build(node, "method.probe")
