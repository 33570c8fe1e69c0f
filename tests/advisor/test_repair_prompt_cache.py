"""repair-prompt-cache: why a marked prompt is written again and again, cause by cause."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from firsttoken_dashboard.demo.api.cache import PromptCache
from tests.advisor.asking import finding, prompt, silent
from tests.advisor.caching import CachedTraffic

RULE = "repair-prompt-cache"
LONG = 24_000


def question(number: int) -> tuple[str, int, int]:
    return ("messages", number, 800)


def time_in_the_system_prompt(traffic: CachedTraffic) -> None:
    for number in range(40):
        traffic.ask(prompt(("system", 1_000 + number, 40), ("system", "guide", LONG, "5m"), question(number)))
        traffic.idle(10)


def time_in_the_marked_block(traffic: CachedTraffic) -> None:
    for number in range(40):
        traffic.ask(prompt(("system", 1_000 + number, LONG, "5m"), question(number)))
        traffic.idle(10)


def marker_on_the_question(traffic: CachedTraffic) -> None:
    for number in range(40):
        traffic.ask(prompt(("system", "guide", LONG), (*question(number), "5m")))
        traffic.idle(10)


def tools_in_any_order(traffic: CachedTraffic) -> None:
    tools = [("tools", name, 8_000) for name in ("search", "buy", "cancel")]
    for number in range(40):
        turned = tools[number % 3 :] + tools[: number % 3] if number % 2 else tools
        if number % 4 == 3:
            turned = turned[::-1]
        traffic.luck.shuffle(turned)
        traffic.ask(prompt(*turned, ("system", "guide", 4_000, "5m"), question(number)))
        traffic.idle(10)


def other_tools_each_time(traffic: CachedTraffic) -> None:
    for number in range(40):
        traffic.ask(prompt(("tools", number, 800), ("system", "guide", LONG, "5m"), question(number)))
        traffic.idle(10)


def a_model_in_turn(traffic: CachedTraffic) -> None:
    blocks: list[tuple[str, str | int, int]] = [("system", "guide", LONG)]
    for number in range(40):
        blocks.append(question(number))
        traffic.ask(prompt(*blocks[:-1], (*question(number), "5m")), model="claude-opus-5", settings=f"{number:02x}")
        traffic.idle(10)


def all_at_once(traffic: CachedTraffic) -> None:
    for number in range(60):
        traffic.ask(prompt(("system", f"doc{number // 12}", LONG, "5m"), question(number)), advance=False)
        traffic.idle(0.01 if number % 12 != 11 else 30)


def many_blocks_a_turn(traffic: CachedTraffic) -> None:
    """22 blocks a turn; the fingerprint sums up those before the last 24."""
    for name in range(8):
        texts: list[tuple[str, str | int, int]] = []
        for turn in range(5):
            texts += [("messages", 10_000 * (name + 1) + 100 * turn + place, 1_200) for place in range(22)]
            hidden, shown = texts[:-24], texts[-24:]
            prior = [("prior", f"{name}{turn}", sum(chars for _, _, chars in hidden))] if hidden else []
            traffic.ask(prompt(("system", "guide", 400), *prior, *shown[:-1], (*shown[-1], "5m")))
            traffic.idle(10)


@pytest.mark.parametrize(
    ("write", "cause"),
    [
        (time_in_the_system_prompt, "system changed"),
        (time_in_the_marked_block, "marked block varies"),
        (marker_on_the_question, "marked block varies"),
        (tools_in_any_order, "tools reordered"),
        (other_tools_each_time, "tools changed"),
        (a_model_in_turn, "settings changed"),
        (all_at_once, "sent at once"),
        (many_blocks_a_turn, "more than 20 blocks added"),
    ],
)
def test_each_cause_is_named(tmp_path: Path, write: Callable[[CachedTraffic], None], cause: str) -> None:
    traffic = CachedTraffic()
    write(traffic)
    found = finding(traffic, tmp_path, RULE)
    assert found.evidence["cause"] == cause
    assert found.saving.usd_per_1000_calls is not None
    assert found.saving.usd_per_1000_calls.low > 0
    compile(found.fix.before.replace("await ", ""), "before", "exec")
    compile(found.fix.after.replace("await ", ""), "after", "exec")


def test_the_block_that_varies_is_named(tmp_path: Path) -> None:
    traffic = CachedTraffic()
    time_in_the_system_prompt(traffic)
    found = finding(traffic, tmp_path, RULE)
    assert found.evidence["differing_block"] == "system 1 of 2"
    assert "block 1 of 2 of the system prompt differs" in found.title


def test_the_saving_is_that_of_the_same_calls_with_the_cause_gone(tmp_path: Path) -> None:
    """40 writes of 6,010 tokens become one write and 39 reads."""
    traffic = CachedTraffic()
    time_in_the_system_prompt(traffic)
    money = finding(traffic, tmp_path, RULE).saving.usd_per_1000_calls
    assert money is not None
    assert money.expected == pytest.approx(39 * 6_010 * (1.25 - 0.1) * 5e-6 / 40 * 1000, rel=1e-3)


def test_a_speed_that_changes_from_call_to_call_is_named(tmp_path: Path) -> None:
    """Six calls on a case, by turns fast and not: each speed writes the case for itself."""
    traffic = CachedTraffic()
    caches = {"fast": PromptCache(), "standard": PromptCache()}
    for number in range(60):
        speed = "fast" if number % 2 else "standard"
        traffic.cache = caches[speed]
        text = prompt(("system", f"case{number // 6}", LONG, "5m"), question(number))
        traffic.ask(text, model="claude-opus-5-5", firsttoken__speed=speed)
        traffic.idle(10)
    assert finding(traffic, tmp_path, RULE).evidence["cause"] == "model or speed switched"


def healthy_questions(traffic: CachedTraffic) -> None:
    for number in range(60):
        traffic.ask(prompt(("system", "guide", LONG, "5m"), question(number)))
        traffic.idle(10)


def healthy_conversations(traffic: CachedTraffic) -> None:
    for name in range(12):
        blocks: list[tuple[str, str | int, int]] = [("system", "guide", LONG)]
        for turn in range(8):
            blocks.append(("messages", 1_000 * (name + 1) + turn, 2_000))
            traffic.ask(prompt((*blocks[0], "5m"), *blocks[1:-1], (*blocks[-1], "5m")))
            traffic.idle(15)


def one_burst_at_the_start(traffic: CachedTraffic) -> None:
    for number in range(60):
        traffic.ask(prompt(("system", "guide", LONG, "5m"), question(number)), advance=number > 8)
        traffic.idle(0.01 if number < 8 else 10)


def rare_calls(traffic: CachedTraffic) -> None:
    for number in range(40):
        traffic.ask(prompt(("system", "guide", LONG, "5m"), question(number)))
        traffic.idle(4_000)


def a_document_for_each_conversation(traffic: CachedTraffic) -> None:
    for name in range(30):
        for turn in range(3):
            blocks = prompt(
                ("system", "short", 400), ("messages", name, LONG, "5m"), question(10 * name + turn + 1_000)
            )
            traffic.ask(blocks)
            traffic.idle(5)


@pytest.mark.parametrize(
    "write",
    [
        healthy_questions,
        healthy_conversations,
        one_burst_at_the_start,
        rare_calls,
        a_document_for_each_conversation,
    ],
)
def test_caches_that_are_read_or_that_only_expire_are_left_alone(
    tmp_path: Path, write: Callable[[CachedTraffic], None]
) -> None:
    traffic = CachedTraffic()
    write(traffic)
    assert silent(traffic, tmp_path, RULE)
