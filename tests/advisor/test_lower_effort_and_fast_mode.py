"""lower-effort and use-fast-mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.advisor.asking import finding, hint, silent
from tests.advisor.traffic import JOB, Traffic

#: Effort's default for this model is medium.
MODEL = "claude-opus-5-5"


def thoughtful(**how: Any) -> Traffic:
    traffic = Traffic()
    call: dict[str, Any] = {"model": MODEL, "stream": True, "output_tokens": 900, "thinking_tokens": 800, **how}
    for _ in range(40):
        traffic.call(**call)
    return traffic


def test_long_thinking_before_a_short_answer_should_be_less(tmp_path: Path) -> None:
    found = finding(thoughtful(), tmp_path, "lower-effort")
    assert found.evidence["effort"] == "medium"
    assert 'output_config={"effort": "low"}' in found.fix.after
    assert found.saving.usd_per_1000_calls is not None
    assert found.saving.usd_per_1000_calls.expected == pytest.approx(400 * 0.02)
    assert found.saving.latency_s is not None
    assert found.saving.latency_s.low < 400 / 80 < found.saving.latency_s.high


def test_an_effort_that_was_asked_for_goes_one_level_down(tmp_path: Path) -> None:
    found = finding(thoughtful(gen_ai__request__reasoning__level="max"), tmp_path, "lower-effort")
    assert '"effort": "max"' in found.fix.before
    assert '"effort": "xhigh"' in found.fix.after


@pytest.mark.parametrize(
    "how",
    [
        {"gen_ai__request__reasoning__level": "low"},
        {"thinking_tokens": 300},
        {"output_tokens": 2_000, "thinking_tokens": 1_500},
        {"output_tokens": 90, "thinking_tokens": 80},
        {"firsttoken__request__tool_count": 2},
    ],
    ids=str,
)
def test_thinking_that_is_little_or_low_or_serves_a_long_answer_or_tools_is_left_alone(
    tmp_path: Path, how: dict[str, Any]
) -> None:
    assert silent(thoughtful(**how), tmp_path, "lower-effort")


def awaited(**how: Any) -> Traffic:
    """Somebody waits for 1,200 tokens of JSON."""
    traffic = Traffic()
    call: dict[str, Any] = {
        "model": MODEL,
        "stream": True,
        "output_tokens": 1_200,
        "gen_ai__output__type": "json",
        **how,
    }
    for _ in range(30):
        with traffic.request():
            traffic.call(**call)
    return traffic


def test_somebody_who_waits_for_a_long_answer_to_be_written_could_pay_for_speed(tmp_path: Path) -> None:
    found = finding(awaited(), tmp_path, "use-fast-mode")
    assert 'speed="fast"' in found.fix.after
    assert found.saving.latency_s is not None
    assert found.saving.latency_s.expected == pytest.approx(1_200 / 80 / 2, rel=0.05)
    assert found.saving.usd_per_1000_calls is not None
    assert found.saving.usd_per_1000_calls.expected == pytest.approx(-(800 * 0.004 + 1_200 * 0.02))


def test_a_beta_that_has_to_be_asked_for_is_asked_for(tmp_path: Path) -> None:
    found = finding(awaited(model="claude-opus-5"), tmp_path, "use-fast-mode")
    assert "client.beta.messages.stream" in found.fix.after
    assert 'betas=["fast-mode-2026-02-01"]' in found.fix.after


def test_answers_that_come_whole_are_reckoned_by_the_models_rate_here(tmp_path: Path) -> None:
    traffic = awaited(stream=False)
    for number in range(40):
        traffic.call(at=JOB, model=MODEL, stream=True, input_tokens=100 * number, output_tokens=100)
    assert finding(traffic, tmp_path, "use-fast-mode").evidence["writing_p50_s"] == pytest.approx(15, rel=0.1)


def test_a_text_that_streams_is_a_hint(tmp_path: Path) -> None:
    hint(awaited(gen_ai__output__type="text"), tmp_path, "use-fast-mode")


@pytest.mark.parametrize(
    "how",
    [
        {"model": "claude-sonnet-5-5"},
        {"model": "claude-opus-4-6"},
        {"output_tokens": 200},
        {"firsttoken__speed": "fast"},
        {"thinking_tokens": 1_000},
        {"input_tokens": 150_000},
    ],
    ids=str,
)
def test_what_fast_mode_does_not_serve_or_not_help_is_left_alone(tmp_path: Path, how: dict[str, Any]) -> None:
    assert silent(awaited(**how), tmp_path, "use-fast-mode")


def test_a_job_that_nobody_waits_for_is_left_alone(tmp_path: Path) -> None:
    traffic = Traffic()
    for _ in range(30):
        traffic.call(model=MODEL, output_tokens=1_200, gen_ai__output__type="json")
    assert silent(traffic, tmp_path, "use-fast-mode")
