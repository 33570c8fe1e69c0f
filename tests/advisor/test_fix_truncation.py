from __future__ import annotations

import pytest

from tests.advisor.conftest import Ask
from tests.advisor.traffic import Line, Traffic

RULE = "fix-truncation"
WRITE = Line("/srv/shop/app/write.py", 20, "write")


def answers(*, cut: int = 8, whole: int = 32, max_tokens: int = 500, tool: bool = False) -> Traffic:
    traffic = Traffic()
    for number in range(whole):
        traffic.call(WRITE, output_tokens=300 + 5 * number, max_tokens=max_tokens)
    for _ in range(cut):
        traffic.call(
            WRITE,
            output_tokens=max_tokens,
            max_tokens=max_tokens,
            blocks=("tool_use:1",) if tool else ("text:1",),
            gen_ai__response__finish_reasons=["max_tokens"],
        )
    return traffic


def test_answers_that_are_cut_off_are_found_with_a_limit_that_is_enough(ask: Ask):
    [finding] = ask(answers(), RULE).findings

    assert finding.evidence["answers_cut_off"] == 8
    assert "max_tokens=500" in finding.fix.before
    assert "max_tokens=1024" in finding.fix.after
    compile(finding.fix.after, "after", "exec")


def test_cut_answers_that_are_asked_for_again_are_lost_in_full(ask: Ask):
    """800 tokens in at $5, 500 out at $25 a million: $0.0165 each, one call in five."""
    traffic = Traffic()
    for number in range(40):
        prompt = ("system:00aa:3000:-", f"messages:{number:04x}:200:-")
        with traffic.request():
            if number % 4 == 0:
                cut = ["max_tokens"]
                traffic.call(
                    WRITE, output_tokens=500, max_tokens=500, prompt=prompt, gen_ai__response__finish_reasons=cut
                )
            traffic.call(WRITE, output_tokens=400, max_tokens=2000, prompt=prompt)

    [finding] = ask(traffic, RULE).findings

    money = finding.saving.usd_per_1000_calls
    assert money is not None
    assert money.expected == pytest.approx(1000 * 0.0165 / 5)
    assert money.low > 0
    assert finding.evidence["asked_again"] == 10


def test_cut_answers_that_nobody_asks_for_again_promise_nothing(ask: Ask):
    [finding] = ask(answers(), RULE).findings

    assert finding.saving.usd_per_1000_calls is None
    assert finding.saving.latency_s is None


def test_a_tool_call_that_is_cut_off_is_told_as_broken(ask: Ask):
    [finding] = ask(answers(tool=True), RULE).findings

    assert finding.evidence["tool_calls_cut_off"] == 8
    assert "incomplete JSON" in finding.fix.why


def test_silent_for_a_cut_that_is_meant(ask: Ask):
    """A classifier that reads one token."""
    found = ask(answers(cut=40, whole=0, max_tokens=1), RULE)

    assert not found.findings
    assert not found.hints


@pytest.mark.parametrize("traffic", [answers(cut=1, whole=60), answers(cut=0, max_tokens=64_000)], ids=["one", "none"])
def test_silent_for_one_answer_that_ran_long_and_for_a_limit_far_above_all(ask: Ask, traffic: Traffic):
    found = ask(traffic, RULE)

    assert not found.findings
    assert not found.hints
