"""What a run says before it begins."""

from pathlib import Path
from typing import Any

import pytest

from dnaft.reporting import announce_run

CHOICES = {"task": "h3", "model": "nt_v2_50m", "method": "lora"}


def announced(model: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> str:
    announce_run(CHOICES, {"seed": 1, "model": model}, Path("folder"))
    return capsys.readouterr().out


def test_licence_and_room_are_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    model = {"source": "a/b", "licence": "CC-BY-NC-SA-4.0 (non-commercial)"}
    text = announced(model | {"max_tokens": 2048, "max_bp": 12282}, capsys)
    line = "weights of a/b: licence CC-BY-NC-SA-4.0 (non-commercial); up to 2,048 tokens, 12,282 bp"
    assert text.splitlines().count(line) == 1


def test_tokens_of_varying_length_have_no_bases(capsys: pytest.CaptureFixture[str]) -> None:
    model = {"source": "a/b", "licence": "", "max_tokens": 512, "max_bp": None}
    assert "weights of a/b: no licence known; up to 512 tokens\n" in announced(model, capsys)
