"""trim-output: where answers are written that nobody needs in that length."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.advisor.asking import finding, hint, prompt, silent
from tests.advisor.traffic import CHAT, Line, Traffic

RULE = "trim-output"
NEXT = Line("/srv/shop/app/chat.py", 52, "headline")
BRIEF = Line("/srv/shop/app/brief.py", 9, "brief")
GUIDE = ("system", "guide", 3_000)


def chains(used: float | None, *, requests: int = 30, output_tokens: int = 900, thinking_tokens: int = 0) -> Traffic:
    """An answer, and a call after it that uses that part of it."""
    traffic = Traffic()
    for request in range(requests):
        with traffic.request():
            span = traffic.call(
                output_tokens=output_tokens,
                thinking_tokens=thinking_tokens,
                prompt=prompt(GUIDE, ("messages", request, 80)),
            )
            uses = [] if used is None else [f"{span}:{used}"]
            traffic.call(at=NEXT, output_tokens=150, depends_on=uses, prompt=prompt(("messages", 1_000 + request, 900)))
    return traffic


def test_a_long_answer_of_which_the_next_call_uses_little_should_be_shorter(tmp_path: Path) -> None:
    found = finding(chains(0.1), tmp_path, RULE)
    assert (found.site.file, found.site.line, found.site.function) == CHAT
    assert found.evidence["share_used_p50"] == 0.1
    assert found.saving.usd_per_1000_calls is not None
    assert found.saving.usd_per_1000_calls.high == pytest.approx(900 * (1 - 0.5 * 0.1) * 0.025)
    assert found.saving.latency_s is not None
    assert found.saving.latency_s.high - found.saving.latency_s.low < found.saving.latency_s.expected * 1.1
    assert "Answer in at most" in found.fix.after
    compile(found.fix.after, "after", "exec")


@pytest.mark.parametrize("used", [0.25, 0.8, 1.0, None], ids=["a quarter", "most", "all", "nothing seen"])
def test_a_long_answer_that_is_used_or_of_whose_use_nothing_is_known_is_left_alone(
    tmp_path: Path, used: float | None
) -> None:
    assert silent(chains(used), tmp_path, RULE)


def test_an_answer_of_400_visible_tokens_is_not_long(tmp_path: Path) -> None:
    assert silent(chains(0.1, output_tokens=900, thinking_tokens=500), tmp_path, RULE)
    assert silent(chains(0.1, output_tokens=400), tmp_path, RULE)


def alike(elsewhere_tokens: int, *, stop: str = "end_turn", head: str = "guide", n: int = 30) -> Traffic:
    """Long answers at one line, and another line whose prompts begin alike."""
    traffic = Traffic()
    for number in range(n):
        traffic.call(output_tokens=800, prompt=prompt(GUIDE, ("messages", number, 400)))
        traffic.call(
            at=BRIEF,
            output_tokens=elsewhere_tokens,
            prompt=prompt(("system", head, 3_000), ("messages", 1_000 + number, 400)),
            gen_ai__response__finish_reasons=[stop],
        )
    return traffic


def test_a_prompt_that_is_answered_in_half_the_length_elsewhere_should_ask_for_less(tmp_path: Path) -> None:
    found = finding(alike(300), tmp_path, RULE)
    assert (found.site.file, found.site.line, found.site.function) == CHAT
    assert found.evidence["answered_elsewhere_in_tokens_p50"] == 300
    assert "app/brief.py:9 in brief" in found.title
    assert found.saving.usd_per_1000_calls is not None
    assert found.saving.usd_per_1000_calls.expected == pytest.approx(500 * 0.025)


def test_a_prompt_that_is_answered_a_little_shorter_elsewhere_is_left_alone(tmp_path: Path) -> None:
    assert silent(alike(500), tmp_path, RULE)


def test_short_answers_to_prompts_that_begin_otherwise_say_nothing(tmp_path: Path) -> None:
    assert silent(alike(300, head="other"), tmp_path, RULE)


def test_answers_that_were_cut_off_are_no_example(tmp_path: Path) -> None:
    assert silent(alike(300, stop="max_tokens"), tmp_path, RULE)


def test_few_calls_make_a_hint(tmp_path: Path) -> None:
    hint(chains(0.1, requests=10), tmp_path, RULE)


def test_a_limit_far_above_every_answer_is_a_hint_and_promises_nothing(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(30):
        traffic.call(max_tokens=16_000, output_tokens=200 + number)
    found = hint(traffic, tmp_path, RULE)
    assert (found.saving.latency_s, found.saving.usd_per_1000_calls) == (None, None)
    assert found.evidence["longest_output_tokens"] == 229
    assert "max_tokens=512" in found.fix.after


def test_long_answers_alone_are_left_alone(tmp_path: Path) -> None:
    traffic = Traffic()
    for _ in range(40):
        traffic.call(output_tokens=2_000, max_tokens=4_096)
    assert silent(traffic, tmp_path, RULE)
