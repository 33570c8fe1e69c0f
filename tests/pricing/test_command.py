"""`firsttoken models`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from firsttoken_dashboard.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_models_prints_each_price_with_its_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    printed = capsys.readouterr().out
    line = next(line for line in printed.splitlines() if line.startswith("claude-opus-5-5"))
    assert line.split()[1:7] == ["4", "20", "5", "8", "0.2", "512"]
    assert "over 100k input tokens" in printed
    assert "https://platform.claude.com/docs/en/about-claude/pricing" in printed
    assert "claude-opus-4-1" not in printed


def test_models_shows_one_model_under_any_of_its_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "us.anthropic.claude-haiku-4-5-20251001-v1:0", "--format", "json"]) == 0
    (model,) = json.loads(capsys.readouterr().out)["models"]
    assert (model["id"], model["prices"][0]["cache_read"]) == ("claude-haiku-4-5", 0.1)


def test_models_shows_former_prices_and_retired_models_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--all"]) == 0
    printed = capsys.readouterr().out
    assert "claude-opus-4-1" in printed
    assert "over 200k input tokens" in printed


def test_models_says_in_one_sentence_that_a_model_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "claude-opus-99"]) == 2
    assert "claude-opus-99 is not in the price list" in capsys.readouterr().err


def test_models_says_in_one_sentence_that_a_models_file_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "--models", str(tmp_path / "none.toml")]) == 2
    assert "cannot be read" in capsys.readouterr().err
