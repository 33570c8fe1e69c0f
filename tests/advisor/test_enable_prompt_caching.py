"""enable-prompt-caching: where the same beginning is paid again and again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.advisor.asking import asked, finding, hint, prompt, silent
from tests.advisor.traffic import CHAT, JOB, Traffic

RULE = "enable-prompt-caching"
#: 4 characters a token: 6,000 of 6,400 input tokens are the system prompt.
LONG = 24_000
QUESTION = 1_600


def questions(
    traffic: Traffic, n: int, *, every_s: float = 20.0, system: int = LONG, model: str = "claude-opus-5"
) -> None:
    for number in range(n):
        traffic.call(
            model=model,
            input_tokens=(system + QUESTION) // 4,
            prompt=prompt(("system", "guide", system), ("messages", number, QUESTION)),
        )
        traffic.idle(every_s)


def usd(traffic: Traffic, folder: Path) -> tuple[float, float, float]:
    saving = finding(traffic, folder, RULE).saving.usd_per_1000_calls
    assert saving is not None
    return saving.low, saving.expected, saving.high


def test_a_long_system_prompt_that_is_sent_each_time_should_be_marked(tmp_path: Path) -> None:
    traffic = Traffic()
    questions(traffic, 40)
    found = finding(traffic, tmp_path, RULE)
    assert (found.site.file, found.site.line, found.site.function) == CHAT
    assert found.evidence["shared_prefix_tokens"] == 6_000
    assert found.evidence["calls_that_would_read"] == 39
    assert found.confidence == "high"
    assert 'system=[{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}]' in found.fix.after
    assert "system=SYSTEM" in found.fix.before
    compile(found.fix.before, "before", "exec")
    compile(found.fix.after, "after", "exec")


def test_the_money_is_that_of_a_replay_to_the_cent(tmp_path: Path) -> None:
    """One write at 1.25 times the price, 39 reads at a tenth of it, in the place of 40 times 6,000 tokens at 5 USD.

    Calls that go on like this write only once: the interval reaches from these 40 to 40 reads of a warm cache.
    """
    traffic = Traffic()
    questions(traffic, 40)
    cold = 6_000 * 5e-6 * (40 - 1.25 - 39 * 0.1) / 40 * 1000
    warm = 6_000 * 5e-6 * (40 - 40 * 0.1) / 40 * 1000
    low, expected, high = usd(traffic, tmp_path)
    assert expected == pytest.approx((cold + warm) / 2, rel=1e-6)
    assert low < cold < warm < high


def test_the_seconds_are_those_that_uncached_tokens_cost_here(tmp_path: Path) -> None:
    """The traffic's own model takes 0.12 ms a token; other prompts of this application tell."""
    traffic = Traffic()
    questions(traffic, 40)
    for number in range(60):
        traffic.call(
            at=JOB,
            stream=True,
            input_tokens=500 + 700 * number,
            prompt=prompt(("messages", 10_000 + number, 2_000 + 2_800 * number)),
        )
    latency = finding(traffic, tmp_path, RULE).saving.latency_s
    assert latency is not None
    assert latency.low < 6_000 * 0.00012 < latency.high
    assert latency.high - latency.low < latency.expected


def test_calls_further_apart_than_five_minutes_are_told_to_keep_an_hour(tmp_path: Path) -> None:
    traffic = Traffic()
    questions(traffic, 30, every_s=900)
    found = finding(traffic, tmp_path, RULE)
    assert found.evidence["ttl"] == "1h"
    assert '"ttl": "1h"' in found.fix.after


def test_prefixes_too_far_apart_for_any_entry_are_left_alone(tmp_path: Path) -> None:
    traffic = Traffic()
    questions(traffic, 30, every_s=4_000)
    assert silent(traffic, tmp_path, RULE)


def test_a_burst_that_starts_before_the_first_answer_begins_is_left_alone(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(40):
        traffic.call(
            input_tokens=6_400, prompt=prompt(("system", "guide", LONG), ("messages", number, QUESTION)), advance=False
        )
        traffic.idle(0.005)
    assert silent(traffic, tmp_path, RULE)


def test_a_prompt_below_the_models_minimum_is_left_alone(tmp_path: Path) -> None:
    traffic = Traffic()
    questions(traffic, 40, system=8_000, model="claude-haiku-4-5")
    assert silent(traffic, tmp_path, RULE)


def test_a_prompt_whose_length_is_close_to_the_minimum_is_a_hint(tmp_path: Path) -> None:
    traffic = Traffic()
    questions(traffic, 40, system=17_000, model="claude-haiku-4-5")
    assert hint(traffic, tmp_path, RULE).confidence == "low"


def test_a_prompt_that_begins_differently_each_time_is_left_alone(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(40):
        traffic.call(
            input_tokens=6_400, prompt=prompt(("system", number, 80), ("system", "guide", LONG), ("messages", 7, 1_520))
        )
    assert silent(traffic, tmp_path, RULE)


def test_a_site_that_marks_its_prompts_is_left_alone(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(40):
        traffic.call(
            input_tokens=6_400,
            prompt=prompt(("system", "guide", LONG, "5m"), ("messages", number, QUESTION)),
            gen_ai__usage__cache_read__input_tokens=6_000,
        )
    assert silent(traffic, tmp_path, RULE)


def test_few_calls_make_a_hint(tmp_path: Path) -> None:
    traffic = Traffic()
    questions(traffic, 12)
    assert hint(traffic, tmp_path, RULE).evidence["n"] == 12


def conversation(turns: int, name: int) -> Iterator[list[str]]:
    blocks: list[tuple[str, str | int, int]] = [("system", "guide", 2_000)]
    for turn in range(turns):
        blocks.append(("messages", 1_000 * name + 2 * turn, 4_000))
        yield prompt(*blocks)
        blocks.append(("messages", 1_000 * name + 2 * turn + 1, 4_000))


def test_a_growing_conversation_is_marked_at_its_end(tmp_path: Path) -> None:
    traffic = Traffic()
    for name in range(1, 6):
        for turn, blocks in enumerate(conversation(10, name)):
            traffic.call(input_tokens=500 + 1_000 + 2_000 * turn, prompt=blocks)
            traffic.idle(10)
    found = finding(traffic, tmp_path, RULE)
    assert 'cache_control={"type": "ephemeral"}' in found.fix.after
    assert found.evidence["marker"] in {"end", "system and end"}


def test_a_document_that_many_questions_share_is_marked_in_the_message(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(60):
        document = number // 10
        traffic.call(
            input_tokens=10_400,
            prompt=prompt(
                ("system", "short", 400), ("messages", document, 40_000), ("messages", 1_000 + number, 1_200)
            ),
        )
    found = finding(traffic, tmp_path, RULE)
    assert found.evidence["marker"] == "shared"
    assert '"text": SHARED, "cache_control": {"type": "ephemeral"}' in found.fix.after
    compile(found.fix.after, "after", "exec")


def test_tools_without_a_system_prompt_are_marked_at_the_last_tool(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(40):
        traffic.call(
            input_tokens=6_400,
            prompt=prompt(("tools", "search", 12_000), ("tools", "buy", 12_000), ("messages", number, QUESTION)),
        )
    found = finding(traffic, tmp_path, RULE)
    assert found.evidence["marker"] == "tools"
    assert "TOOLS[-1]" in found.fix.after


def test_the_same_prompt_in_two_workspaces_shares_nothing(tmp_path: Path) -> None:
    traffic = Traffic()
    for number in range(40):
        traffic.call(
            input_tokens=6_400,
            prompt=prompt(("system", "guide", LONG), ("messages", number, QUESTION)),
            anthropic__workspace__id=f"wrkspc_{number}",
        )
    assert silent(traffic, tmp_path, RULE)


def test_a_model_without_a_known_price_is_left_alone(tmp_path: Path) -> None:
    traffic = Traffic()
    questions(traffic, 40, model="claude-opus-99")
    assert silent(traffic, tmp_path, RULE)


def test_calls_whose_prompts_shape_was_not_recorded_cannot_be_judged(tmp_path: Path) -> None:
    traffic = Traffic()
    for _ in range(30):
        traffic.call(input_tokens=6_400, without=["firsttoken.prompt.blocks"])
    (checked,) = asked(traffic, tmp_path, RULE).checked
    assert (checked.outcome, checked.note) == ("not judged", "no call carries firsttoken.prompt.blocks")
